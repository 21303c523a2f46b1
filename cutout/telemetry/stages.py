"""Times of the stages of one image, and the id of a request."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _no_span(name: str) -> AbstractContextManager[object]:
    return nullcontext()


class Stages:
    """How long each stage of one image took, in milliseconds, in the order they ran."""

    def __init__(self, span: Callable[[str], AbstractContextManager[object]] = _no_span) -> None:
        """span: entered for each stage, by its name."""
        self.ms: dict[str, float] = {}
        self._span = span

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        start = time.perf_counter()
        try:
            with self._span(name):
                yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Add `seconds` to stage `name`."""
        self.ms[name] = round(self.ms.get(name, 0.0) + seconds * 1e3, 2)

    def server_timing(self) -> str:
        """Value of the `Server-Timing` header (W3C Server Timing), milliseconds."""
        return ", ".join(f"{name};dur={spent}" for name, spent in self.ms.items())


def request_id(offered: str | None) -> str:
    """Take over a caller's id when it is short and plain ASCII, else make one."""
    return offered if offered and REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)

"""The deadlines of what a thread works on, for those below it who ask another machine."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_deadlines: ContextVar[tuple[float, ...]] = ContextVar("deadlines", default=())


@contextmanager
def pass_on(deadlines: Sequence[float]) -> Iterator[None]:
    """Make deadlines (monotonic seconds) known to what the block calls: one for each input."""
    token = _deadlines.set(tuple(deadlines))
    try:
        yield
    finally:
        _deadlines.reset(token)


def seconds_left(count: int, most: float) -> list[float]:
    """Seconds that each of `count` inputs has left, at most `most`; that where none was set."""
    deadlines = _deadlines.get()
    if len(deadlines) != count:
        return [most] * count
    now = time.monotonic()
    return [min(most, max(0.0, deadline - now)) for deadline in deadlines]

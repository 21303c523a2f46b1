"""Spans of requests and their stages; off unless a collector is named."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

# Ends the span of a request, given the status of its answer.
End = Callable[[int], None]


class Tracing:
    """Records nothing: what a service has that sends its spans nowhere."""

    def begin(self, method: str, route: str, headers: Mapping[str, str], request_id: str) -> End:
        """Begin the span of a request in the current context."""
        return _ignore

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Span of a stage, below the current one."""
        return nullcontext()

    def close(self) -> None:
        """Send what is left."""


def _ignore(status: int) -> None:
    """Nothing was begun."""

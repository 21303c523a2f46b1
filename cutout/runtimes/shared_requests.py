"""Which of an engine's requests computes an image: the one with all cores, or one of several."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from cutout.errors import ConfigurationError

log = logging.getLogger(__name__)
Request = TypeVar("Request")


class SharedRequests(Generic[Request]):
    """Gives each caller a request that nobody else uses meanwhile."""

    def __init__(self, single: Request, open_streams: Callable[[], list[Request]]) -> None:
        """single: for an image alone. open_streams: gives those that work side by side.

        It is called once, in a thread, when a second image comes while one is computed; until it
        has returned they take turns with `single`. At most as many callers come at once as it
        gives requests, or at least one.
        """
        self._free_single: Request | None = single
        self._open_streams = open_streams
        self._streams: list[Request] = []
        self._opened, self._computing = False, 0
        self._thread: threading.Thread | None = None
        self._change = threading.Condition()

    @contextmanager
    def taken(self) -> Iterator[Request]:
        """Wait for a request and hold it during the block."""
        with self._change:
            if self._computing and self._thread is None:
                # Not a daemon: at its end the interpreter would break off a compilation.
                self._thread = threading.Thread(target=self._open, name="streams")
                self._thread.start()
            self._change.wait_for(self._is_free)
            request, is_single = self._take()
            self._computing += 1
        try:
            yield request
        finally:
            with self._change:
                self._computing -= 1
                if is_single:
                    self._free_single = request
                else:
                    self._streams.append(request)
                self._change.notify()

    def close(self) -> None:
        """Drop every request, after an opening that has begun."""
        if self._thread:
            self._thread.join()
        with self._change:
            self._free_single, self._streams = None, []

    def _is_free(self) -> bool:
        return bool(self._streams or (self._free_single is not None and self._wants_single()))

    def _wants_single(self) -> bool:
        return not (self._computing and self._opened)

    def _take(self) -> tuple[Request, bool]:
        single = self._free_single
        if single is not None and self._wants_single():
            self._free_single = None
            return single, True
        return self._streams.pop(), False

    def _open(self) -> None:
        try:
            streams = self._open_streams()
        except (ConfigurationError, RuntimeError):
            log.warning(
                "no streams could be opened: images are computed one at a time", exc_info=True
            )
            return
        with self._change:
            self._streams, self._opened = streams, bool(streams)
            self._change.notify_all()

"""Who may be worked on now: bounded in number and in bytes, one of each client in turn."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cutout.errors import DeadlinePassed
from cutout.fair_queue import FairQueue


class ConcurrencyLimit:
    """Bounds the requests whose pixels are in memory; the others wait for their turn."""

    def __init__(self, places: int, max_bytes: float) -> None:
        """A single request that needs more than `max_bytes` goes in when it is alone."""
        self.places, self.max_bytes = places, max_bytes
        self._inside, self._inside_bytes = 0, 0.0
        self._waiting: FairQueue[object] = FairQueue()
        self._change = threading.Condition()

    @contextmanager
    def enter(self, needed_bytes: float, deadline: float, client: str = "") -> Iterator[float]:
        """Wait for a place (until `deadline`, monotonic seconds) and hold it during the block.

        Gives the seconds waited. Clients take turns. Raises DeadlinePassed.
        """
        start = time.monotonic()
        self._wait(needed_bytes, deadline, client)
        try:
            yield time.monotonic() - start
        finally:
            with self._change:
                self._inside -= 1
                self._inside_bytes -= needed_bytes
                self._change.notify_all()

    def _wait(self, needed_bytes: float, deadline: float, client: str) -> None:
        me = object()
        with self._change:
            self._waiting.add(client, me)
            in_time = self._change.wait_for(
                lambda: self._waiting.next() is me and self._fits(needed_bytes),
                seconds_until(deadline),
            )
            if in_time:
                self._waiting.take()
                self._inside += 1
                self._inside_bytes += needed_bytes
            else:
                self._waiting.remove(client, me)
            self._change.notify_all()
        if not in_time:
            raise DeadlinePassed("The image waited too long for its turn.")

    def _fits(self, needed_bytes: float) -> bool:
        small = self._inside_bytes + needed_bytes <= self.max_bytes
        return self._inside < self.places and (small or not self._inside)


def seconds_until(deadline: float) -> float | None:
    """Time left on the monotonic clock, never negative; None for an infinite deadline."""
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())

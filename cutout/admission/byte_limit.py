"""A bound on bytes that several requests hold together, without waiting."""

import threading

from cutout.errors import Overloaded


class ByteLimit:
    """Counts bytes that are held; more than `max_bytes` together are refused."""

    def __init__(self, max_bytes: int) -> None:
        """A single holder is always let in, however much it holds."""
        self.max_bytes, self.held = max_bytes, 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Raise Overloaded where there is no room; what is taken must be given back."""
        with self._lock:
            if self.held and self.held + count > self.max_bytes:
                raise Overloaded("Too many uploads are in memory; try again in a moment.")
            self.held += count

    def give_back(self, count: int) -> None:
        with self._lock:
            self.held -= count

"""A bound on bytes that several requests hold together, without waiting."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cutout.errors import Overloaded

# Of the limit, for one client; the rest is kept for others.
CLIENT_SHARE = 0.75


class ByteLimit:
    """Counts bytes that are held; more than `max_bytes` together are refused."""

    def __init__(self, max_bytes: int) -> None:
        """A single holder is always let in, however much it holds."""
        self.max_bytes, self.held = max_bytes, 0
        self._held_by: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, count: int, client: str = "") -> None:
        """Raise Overloaded where there is no room; what is taken must be given back."""
        with self._lock:
            mine = self._held_by[client] + count
            greedy = mine > count and mine > CLIENT_SHARE * self.max_bytes
            if self.held and (greedy or self.held + count > self.max_bytes):
                raise Overloaded("Too many uploads are in memory; try again in a moment.")
            self.held += count
            self._held_by[client] = mine

    def give_back(self, count: int, client: str = "") -> None:
        """Undo a `take` of the same client."""
        with self._lock:
            self.held -= count
            self._held_by[client] -= count
            if not self._held_by[client]:
                del self._held_by[client]

    @contextmanager
    def hold(self, count: int, client: str = "") -> Iterator[None]:
        """Count bytes as held while the block runs. Raises Overloaded."""
        self.take(count, client)
        try:
            yield
        finally:
            self.give_back(count, client)

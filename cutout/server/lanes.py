"""Which request gets the next thread: shares of the threads by kind, turns by address."""

import time
from collections import Counter
from collections.abc import Iterator

from cutout.fair_queue import FairQueue
from cutout.server.connections import Connection

# Of one lane's threads, for one address; the rest is kept for other clients.
ADDRESS_SHARE = 0.75


class Lane:
    """Requests of one kind: so many at once; the others wait, one of each address in turn.

    Used by the worker's main thread alone.
    """

    def __init__(self, capacity: int, max_wait_s: float = float("inf")) -> None:
        """max_wait_s: after so long without a thread a request is given up, see `take_expired`."""
        self.capacity, self.max_wait_s = capacity, max_wait_s
        self._address_capacity = max(1, int(capacity * ADDRESS_SHARE))
        self._running: Counter[str] = Counter()
        self._waiting: FairQueue[Connection] = FairQueue()

    def add(self, conn: Connection) -> None:
        """Let a request wait for its thread."""
        conn.deadline = time.monotonic() + self.max_wait_s
        self._waiting.add(conn.address, conn)

    def start(self) -> Connection | None:
        """Give the request whose turn it is, which counts as running from now on; or None."""
        if self._running.total() >= self.capacity:
            return None
        taken = self._waiting.take(lambda address: self._running[address] < self._address_capacity)
        if taken is None:
            return None
        address, conn = taken
        self._running[address] += 1
        return conn

    def end(self, conn: Connection) -> None:
        """A running request has ended."""
        self._running[conn.address] -= 1
        if not self._running[conn.address]:
            del self._running[conn.address]

    def take_expired(self) -> Iterator[Connection]:
        """Give and remove those that have waited too long."""
        now = time.monotonic()
        for address, conn in self._waiting:
            if conn.deadline <= now:
                self._waiting.remove(address, conn)
                yield conn

"""Which request gets the next thread: shares of the threads by kind, turns by address."""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator

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
        self._waiting: OrderedDict[str, deque[Connection]] = OrderedDict()

    def add(self, conn: Connection) -> None:
        """Let a request wait for its thread."""
        conn.deadline = time.monotonic() + self.max_wait_s
        self._waiting.setdefault(conn.address, deque()).append(conn)

    def start(self) -> Connection | None:
        """Give the request whose turn it is, which counts as running from now on; or None."""
        if self._running.total() >= self.capacity:
            return None
        for address, queue in self._waiting.items():
            if self._running[address] < self._address_capacity:
                conn = queue.popleft()
                self._waiting.move_to_end(address)
                if not queue:
                    del self._waiting[address]
                self._running[address] += 1
                return conn
        return None

    def end(self, conn: Connection) -> None:
        """A running request has ended."""
        self._running[conn.address] -= 1
        if not self._running[conn.address]:
            del self._running[conn.address]

    def take_expired(self) -> Iterator[Connection]:
        """Give and remove those that have waited too long."""
        now = time.monotonic()
        for address, queue in list(self._waiting.items()):
            while queue and queue[0].deadline <= now:
                yield queue.popleft()
            if not queue:
                del self._waiting[address]

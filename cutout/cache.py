"""A bounded cache of values by key: the least recently used are dropped first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Cache:
    """Keeps values of up to `max_bytes` together; 0 keeps nothing. Values must not be changed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.bytes = max_bytes, 0
        self.hits = self.misses = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        """Return the value stored under `key`, or None."""
        with self._lock:
            if key not in self._entries:
                self.misses += 1
                return None
            self._entries.move_to_end(key)
            self.hits += 1
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Store `value`; the least recently used are dropped until all fit."""
        if size_bytes > self.max_bytes:
            return
        with self._lock:
            _, old = self._entries.pop(key, (None, 0))
            self._entries[key] = value, size_bytes
            self.bytes += size_bytes - old
            while self.bytes > self.max_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self.bytes -= freed

"""A memory for what was computed from the same bytes before: bounded, least recently used out."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Cache:
    """Keeps values up to `max_bytes` together; 0 keeps nothing. Values must not be changed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.bytes = max_bytes, 0
        self.hits = self.misses = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        """Return the value kept under `key`, or None."""
        with self._lock:
            if key not in self._kept:
                self.misses += 1
                return None
            self._kept.move_to_end(key)
            self.hits += 1
            return self._kept[key][0]

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keep `value`; the least recently used go until all fit."""
        if size_bytes > self.max_bytes:
            return
        with self._lock:
            _, old = self._kept.pop(key, (None, 0))
            self._kept[key] = value, size_bytes
            self.bytes += size_bytes - old
            while self.bytes > self.max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self.bytes -= freed

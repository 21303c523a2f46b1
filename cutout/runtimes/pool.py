"""Runtimes of one model by input size."""

import threading
from dataclasses import replace

from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.factory import open_runtime


class RuntimePool:
    """Opens each input size once."""

    def __init__(self, config: RuntimeConfig) -> None:
        """config: of every size; its own input size is ignored."""
        self._config, self._open = config, {}
        self._lock = threading.Lock()

    def get(self, input_size: int, timeout: float | None = None) -> Runtime:
        """The runtime for this size, opened where it is new."""
        with self._lock:
            if input_size not in self._open:
                self._open[input_size] = open_runtime(replace(self._config, input_size=input_size))
            return self._open[input_size]

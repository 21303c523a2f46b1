"""Cores and an interpreter's lock that are only counted: work on them sleeps."""

import threading
import time

# A thread gives up its cores after this long, as a scheduler would make it do.
SLICE_S = 0.02


class SimulatedCores:
    """A number of cores that many threads share."""

    def __init__(self, count: int) -> None:
        """count: of the machine that is simulated."""
        self.busy_s, self._free = 0.0, count
        self._change = threading.Condition()

    def work(self, cpu_s: float, threads: int = 1) -> None:
        """Take as many cores as are free, up to `threads`, until `cpu_s` of CPU time are used."""
        while cpu_s > 1e-9:
            with self._change:
                self._change.wait_for(lambda: self._free > 0)
                taken = min(threads, self._free)
                self._free -= taken
            seconds = min(SLICE_S, cpu_s / taken)
            # Sleeping takes longer than asked; what was slept is what was used.
            start = time.perf_counter()
            time.sleep(seconds)
            used = (time.perf_counter() - start) * taken
            cpu_s -= used
            with self._change:
                self._free += taken
                self.busy_s += used
                self._change.notify(taken)


class Gil:
    """The interpreter's lock: one thread at a time works while it holds it."""

    def __init__(self, cores: SimulatedCores) -> None:
        """cores: of which the holder uses one."""
        self.busy_s, self._cores, self._lock = 0.0, cores, threading.Lock()

    def work(self, cpu_s: float) -> None:
        """Hold the lock for `cpu_s` of CPU time."""
        with self._lock:
            start = time.perf_counter()
            self._cores.work(cpu_s)
            self.busy_s += time.perf_counter() - start

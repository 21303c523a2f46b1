"""Resident memory and CPU time of a process and all its descendants, from /proc (Linux)."""

import os
import threading
from pathlib import Path

SAMPLE_S = 0.05


def process_tree(pid: int) -> list[int]:
    """Ids of a process and all its descendants."""
    found = [pid]
    for number in found:
        for children in Path(f"/proc/{number}/task").glob("*/children"):
            found.extend(map(int, read(children).split()))
    return found


def read(path: Path) -> str:
    """Text of a file of /proc; empty when the process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def resident_mb(pid: int) -> float:
    """Sum over the process tree; an upper bound, for shared pages count in each process."""
    total = 0
    for number in process_tree(pid):
        for line in read(Path(f"/proc/{number}/status")).splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree since each process began. proc(5), fields 14 and 15."""
    ticks = 0
    for number in process_tree(pid):
        # The name, field 2, stands in brackets and may hold anything.
        fields = read(Path(f"/proc/{number}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class MemorySampler:
    """Samples the resident memory of a process tree in a thread; a context manager."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak_mb, self.samples = pid, 0.0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "MemorySampler":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self.samples.append(resident_mb(self.pid))
            self.peak_mb = max(self.peak_mb, self.samples[-1])

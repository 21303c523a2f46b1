"""What this machine has: evidence of a GPU, and the cores we may use."""

import ctypes
import math
import os
import shutil
from pathlib import Path


def gpu_evidence() -> str | None:
    """How we know that an NVIDIA GPU is present, usable or not; None without one."""
    if list(Path("/dev").glob("nvidia[0-9]*")):
        return "an NVIDIA device node exists"
    if shutil.which("nvidia-smi"):
        return "the NVIDIA driver's tools are installed"
    if driver_finds_a_device():
        return "the CUDA driver finds a device"
    return None


def driver_finds_a_device() -> bool:
    """Ask the driver itself; covers systems without device nodes, as under Windows."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            return ctypes.CDLL(name).cuInit(0) == 0
        except OSError:
            continue
    return False


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores this process may use: its affinity, less where a container's quota is smaller.

    The engines count the host's cores and would start far more threads than may run at once.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if quota.is_file():
        share, _, period = quota.read_text().strip().partition(" ")
        if share != "max":
            allowed = min(allowed, math.ceil(int(share) / int(period)))
    return max(allowed or 1, 1)

"""What this machine has: evidence of a GPU, and memory."""

import ctypes
import shutil
from pathlib import Path

# What one 320 px picture takes in U²-Net beside the weights: its maps in fp32, rounded up.
PICTURE_BYTES = 400_000_000
CGROUP = Path("/sys/fs/cgroup")


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


def available_bytes(proc: Path = Path("/proc/meminfo"), group: Path = CGROUP) -> int | None:
    """Memory this process may still take, the container's limit included; None if not told."""
    if not proc.is_file():
        return None
    fields = dict(line.split(":", 1) for line in proc.read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) * 1024
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()))
    return max(free, 0)


def gpu_free_bytes() -> int | None:
    """Free memory of the current GPU by the driver; None where the driver does not tell."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    # Needs a context in this thread; onnxruntime has made the primary one by now.
    context, device = ctypes.c_void_p(), ctypes.c_int()
    told = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
        and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0
        and driver.cuCtxSetCurrent(context) == 0
        and driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
    )
    return free.value if told else None


def affordable_batch(most: int, free_bytes: int | None, size: int) -> int:
    """Pictures of `size` px squared that fit into memory at once: 1 to `most`."""
    if free_bytes is None:
        return most
    need = PICTURE_BYTES * (size / 320) ** 2
    return int(max(1, min(free_bytes // need, most)))

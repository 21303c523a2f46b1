"""What this machine has: an NVIDIA GPU or none, and free memory."""

import ctypes
import shutil
from pathlib import Path

# Memory of one 320 px image in U²-Net beside the weights: its maps in fp32, rounded up.
IMAGE_BYTES = 400_000_000
CGROUP = Path("/sys/fs/cgroup")


def find_gpu() -> str | None:
    """A sentence on what shows that an NVIDIA GPU is present, usable or not; None without one."""
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
            return bool(ctypes.CDLL(name).cuInit(0) == 0)
        except OSError:
            continue
    return False


def host_free_bytes(proc: Path = Path("/proc/meminfo"), group: Path = CGROUP) -> int | None:
    """Memory this process may still take, the container's limit included; None if unknown."""
    if not proc.is_file():
        return None
    fields = dict(line.split(":", 1) for line in proc.read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) * 1024
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()))
    return max(free, 0)


def gpu_free_bytes() -> int | None:
    """Free memory of the first GPU; None where the driver does not answer."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    # cuMemGetInfo needs a context in this thread: the primary one, which onnxruntime uses too.
    context, device = ctypes.c_void_p(), ctypes.c_int()
    succeeded = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
        and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0
        and driver.cuCtxSetCurrent(context) == 0
        and driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
    )
    return free.value if succeeded else None


def limit_batch(wanted: int, free_bytes: int | None, size: int) -> int:
    """`wanted` images of `size` x `size` px, or as many as fit into free_bytes, at least 1.

    free_bytes: None, where it is unknown, sets no limit.
    """
    if free_bytes is None:
        return wanted
    needed = IMAGE_BYTES * (size / 320) ** 2
    return int(max(1, min(free_bytes // needed, wanted)))

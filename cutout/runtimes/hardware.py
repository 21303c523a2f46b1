"""What this machine has: a processor and its abilities, an NVIDIA GPU or none, free memory."""

import ctypes
import functools
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

# Memory of one 320 px image in U²-Net beside the weights: its maps in fp32, rounded up.
IMAGE_BYTES = 400_000_000
CGROUP = Path("/sys/fs/cgroup")
# Linux's name of an instruction set, and the one that processors are sold by: those that decide how
# fast 8-bit and half-precision arithmetic is.
ABILITIES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_int8": "AMX-INT8",
    "amx_bf16": "AMX-BF16",
    "asimd": "NEON",
    "asimddp": "DotProd",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
}


@dataclass(frozen=True)
class Processor:
    """name: as the system gives it. abilities: of ABILITIES; None where the system hides them."""

    name: str
    abilities: tuple[str, ...] | None

    def __str__(self) -> str:
        """Both, for people."""
        if self.abilities is None:
            return f"{self.name} (abilities unknown)"
        return f"{self.name} ({', '.join(self.abilities) or 'no AVX2'})"


@functools.cache
def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """The processor of this machine; its abilities are read under Linux only."""
    if not cpuinfo.is_file():
        return Processor(platform.processor() or platform.machine(), None)
    parts = [line.partition(":") for line in cpuinfo.read_text().splitlines()]
    facts = {key.strip(): value.strip() for key, _, value in parts}
    flags = set((facts.get("flags") or facts.get("Features", "")).split())
    name = facts.get("model name") or platform.machine()
    return Processor(name, tuple(word for flag, word in ABILITIES.items() if flag in flags))


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

"""Describes what was measured: processor, cores, memory, commit, versions.

python -m benchmarks.machine
"""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cutout.parallel import usable_cores

LIBRARIES = ("onnxruntime-gpu", "onnxruntime", "openvino", "onnx", "rembg", "numpy", "pillow")
# Instruction sets that decide how fast 8-bit and half-precision arithmetic is.
RELEVANT_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")


def machine() -> str:
    """Four lines for the top of a table."""
    return "\n".join(
        [
            f"processor: {processor()}, {usable_cores()} cores",
            f"memory: {memory_gb():.0f} GB",
            f"commit: {commit()}",
            f"versions: python {platform.python_version()}, {', '.join(library_versions())}",
        ]
    )


def processor() -> str:
    """Name of the processor and its instruction sets in RELEVANT_FLAGS."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or "unknown"
    lines = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    flags = facts.get("flags", "").split()
    present = [flag for flag in RELEVANT_FLAGS if flag in flags]
    return f"{facts.get('model name', 'unknown')} ({' '.join(present)})"


def memory_gb() -> float:
    """Memory of the machine, in GB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def commit() -> str:
    """The commit; "-dirty" when files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
    return result.stdout.strip() or "unknown"


def library_versions(names: tuple[str, ...] = LIBRARIES) -> list[str]:
    """`name version` of each installed library."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    print(machine())

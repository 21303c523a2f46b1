"""What a figure means nothing without: processor, cores, memory, commit, versions.

python -m benchmarks.machine
"""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cutout.parallel import usable_cores

LIBRARIES = ("onnxruntime-gpu", "onnxruntime", "openvino", "onnx", "rembg", "numpy", "pillow")
# Instructions that decide what 8-bit and half-width arithmetic costs.
TELLING_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")


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
    """Name of the processor and the telling ones of its instruction sets."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or "unknown"
    lines = [line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    flags = facts.get("flags", "").split()
    wide = [flag for flag in TELLING_FLAGS if flag in flags]
    return f"{facts.get('model name', 'unknown')} ({' '.join(wide)})"


def memory_gb() -> float:
    """Memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def commit() -> str:
    """The commit measured; "-dirty" when the tree has changes."""
    command = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
    return done.stdout.strip() or "unknown"


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

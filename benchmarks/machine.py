"""Describes what was measured: processor, cores, memory, commit, versions.

python -m benchmarks.machine
"""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cutout.parallel import usable_cores
from cutout.runtimes.hardware import processor

LIBRARIES = ("onnxruntime-gpu", "onnxruntime", "openvino", "onnx", "rembg", "numpy", "pillow")
# What keeps libraries from using all that the processor can do.
RESTRICTIONS = ("IMITATED_PROCESSOR", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


def machine() -> str:
    """Four lines for the top of a table."""
    return "\n".join(
        [
            f"processor: {processor()}{restrictions()}, {usable_cores()} cores",
            f"memory: {memory_gb():.0f} GB",
            f"commit: {commit()}",
            f"versions: python {platform.python_version()}, {', '.join(library_versions())}",
        ]
    )


def restrictions() -> str:
    """The environment variables that restrict the processor, or nothing."""
    found = [f"{name}={os.environ[name]}" for name in RESTRICTIONS if name in os.environ]
    return f", restricted by {' '.join(found)}" if found else ""


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

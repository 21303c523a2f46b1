"""Run a command as on an older x86 processor: without AVX-512, AMX and, if wanted, VNNI.

    python -m benchmarks.imitate avx2 python -m benchmarks.serve --sizes 1
    python -m benchmarks.imitate avx2-vnni python -m benchmarks.model …

Every library of the command and of its children chooses the kernels of that processor; clock,
caches and execution ports stay those of this one. Needs Linux, a C compiler, and a processor that
lets CPUID be intercepted. Graphs compiled meanwhile are kept apart (CUTOUT_CACHE_DIR).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("imitate.c")
LEVELS = ("avx2", "avx2-vnni")
# No setting of the service: it refuses unknown names that begin with CUTOUT_.
VARIABLE = "IMITATED_PROCESSOR"


def main() -> int:
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "imitate.so"
        build(library)
        return subprocess.run(args.command, env=environment(args.level, library)).returncode


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("level", choices=LEVELS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def build(library: Path) -> None:
    """Compile the library that hides instruction sets."""
    compiler = os.environ.get("CC", "cc")
    options = ["-O2", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([compiler, *options, str(SOURCE)], check=True)


def environment(level: str, library: Path) -> dict[str, str]:
    """Of the command: the library comes first, and compiled graphs go elsewhere."""
    cache = Path("models") / f"cache-{level}"
    kept = {"CUTOUT_CACHE_DIR": str(cache.absolute())} | dict(os.environ)
    return kept | {"LD_PRELOAD": str(library), VARIABLE: level}


if __name__ == "__main__":
    sys.exit(main())

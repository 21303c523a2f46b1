"""Images a second of `cutout bulk` with both engines, and of `rembg p`, on one folder.

    python -m benchmarks.bulk FOLDER [--engines local ray rembg]

Each engine gets an empty target. Starting (imports, model, raylets) is part of the time, as it is
of the command's; measure folders whose work is long against it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import library_versions, machine
from benchmarks.peer import install
from cutout import weights
from cutout.settings import load


def command(engine: str, source: Path, target: Path) -> tuple[list[str], dict[str, str]]:
    """What to run, and its further environment."""
    if engine == "rembg":
        program = str(install().with_name("rembg"))
        home = str(weights.ensure(load().model).parent)
        return [program, "p", "-m", load().model, str(source), str(target)], {"U2NET_HOME": home}
    words = [sys.executable, "-m", "cutout", "bulk", str(source), str(target), "--engine", engine]
    return words, {}


def measure(engine: str, source: Path) -> tuple[int, float]:
    """Results, and seconds from start to end of the command."""
    with tempfile.TemporaryDirectory(prefix="bulk-") as name:
        target = Path(name) / "out"
        words, env = command(engine, source, target)
        began = time.monotonic()
        subprocess.run(
            words,
            env=os.environ | env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        seconds = time.monotonic() - began
        results = [path for path in target.rglob("*.png") if "_cutout" not in path.parts]
        return len(results), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engines", nargs="+", default=["local", "ray", "rembg"])
    arguments = parser.parse_args()
    print(machine(), f"model: {load().model}", ", ".join(library_versions(("ray",))), sep="\n")
    for engine in arguments.engines:
        count, seconds = measure(engine, arguments.folder)
        rate = count / seconds
        print(f"{engine:6} {count} images in {seconds:.1f} s: {rate:.2f} images/s", flush=True)


if __name__ == "__main__":
    main()

"""Images a second of `cutout bulk` with both engines, and of `rembg p`, on one folder.

    python -m benchmarks.bulk FOLDER [--engines local ray rembg] [--turns 3]

Each engine gets an empty target. Starting (imports, model, raylets) is part of the time, as it is
of the command's; measure folders whose work is long against it. Processor seconds are those of the
command and the processes it waited for; Ray's own are not among them.
"""

import argparse
import os
import resource
import statistics
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


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(engine: str, source: Path) -> tuple[int, float, float]:
    """Results, seconds from start to end of the command, and its processor seconds."""
    with tempfile.TemporaryDirectory(prefix="bulk-") as name:
        target = Path(name) / "out"
        words, env = command(engine, source, target)
        began, used = time.monotonic(), processor_seconds()
        subprocess.run(
            words,
            env=os.environ | env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        seconds, used = time.monotonic() - began, processor_seconds() - used
        results = [path for path in target.rglob("*.png") if "_cutout" not in path.parts]
        return len(results), seconds, used


def row(engine: str, source: Path, turns: int) -> str:
    counts, seconds, used = zip(*(measure(engine, source) for _ in range(turns)), strict=True)
    if len(set(counts)) > 1:
        sys.exit(f"{engine} did not finish every time: {counts} results")
    median, each = statistics.median(seconds), " ".join(f"{one:.1f}" for one in seconds)
    own = f"{statistics.median(used) / counts[0]:.2f}" if engine != "ray" else ""
    return f"| {engine} | {counts[0]} | {median:.1f} ({each}) | {counts[0] / median:.2f} | {own} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engines", nargs="+", default=["local", "ray", "rembg"])
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    print(machine(), f"model: {load().model}", ", ".join(library_versions(("ray",))), sep="\n")
    print("| engine | images | seconds, median and each | images/s | processor s an image |")
    print("|---|---|---|---|---|", flush=True)
    for engine in arguments.engines:
        print(row(engine, arguments.folder, arguments.turns), flush=True)


if __name__ == "__main__":
    main()

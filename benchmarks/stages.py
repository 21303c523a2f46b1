"""The time of each stage of one request at each size, and the functions that take longest.

    python -m benchmarks.stages
    python -m benchmarks.stages --sizes 12 --turns 5

The path of the service in one process, alone on the machine: medians of wall and CPU time; CPU
time above wall time means several cores. `rest` is the time between the stages. The model's
wall time is that of an idle machine; under load it is shared.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.sample_images import SIZES, jpegs
from cutout import images, pipeline
from cutout.options import Options
from cutout.telemetry import Stages
from u2net import RembgModel

SLOWEST = 12


class TimedStages(Stages):
    """Stages that also record the CPU time of the whole process, in milliseconds."""

    def __init__(self, ended: Callable[[str], None] = str) -> None:
        """ended: called with the name of each stage when it has ended."""
        super().__init__()
        self._ended = ended
        self.cpu_ms: Counter[str] = Counter()
        self._began = time.process_time()

    def add(self, name: str, seconds: float) -> None:
        super().add(name, seconds)
        now = time.process_time()
        self.cpu_ms[name] += (now - self._began) * 1e3
        self._began = now
        self._ended(name)


def main() -> None:
    args = arguments()
    model = RembgModel()
    facts = model.device()
    print(machine())
    print(f"model: {facts['runtime']} {facts['precision']}, {facts['threads']} threads\n")
    tables = {}
    for size in args.sizes:
        files = jpegs(SIZES[size], args.data)
        request(files[0], model)
        tables[size] = [request(files[turn % len(files)], model) for turn in range(args.turns)]
    print("\n".join(table(tables)))
    if "12" in args.sizes:
        print("\nOne request of 12 MP by function, its own time:\n")
        print("\n".join(profile(jpegs(SIZES["12"], args.data)[0], model)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--turns", type=int, default=6, help="images of each size")
    parser.add_argument("--data", type=Path, help="folder of photographs to use instead")
    return parser.parse_args()


def request(data: bytes, model: RembgModel, ended: Callable[[str], None] = str) -> TimedStages:
    """One image from its file to the result's file, with default options; nothing is stored."""
    stages, began = TimedStages(ended), time.perf_counter()
    with stages("decode"):
        image = images.decode(data)
    job = pipeline.Job(pipeline.make_plan(Options()), model, model.infer_one, stages)
    pipeline.run(pipeline.ORDER, pipeline.begin(image), job)
    whole = time.perf_counter() - began
    stages.add("rest", whole - sum(stages.ms.values()) / 1e3)
    return stages


def table(tables: dict[str, list[TimedStages]]) -> list[str]:
    """Rows of stages, two columns for each size: wall and CPU milliseconds."""
    names = list(next(iter(tables.values()))[0].ms)
    lines = [
        "| stage |" + "".join(f" {size} MP, ms | CPU |" for size in tables),
        "|---|" + "---|---|" * len(tables),
    ]
    for name in names:
        cells = [
            f" {statistics.median(stages.ms[name] for stages in runs):.0f} "
            f"| {statistics.median(stages.cpu_ms[name] for stages in runs):.0f} |"
            for runs in tables.values()
        ]
        lines.append(f"| {name} |" + "".join(cells))
    whole = [
        f" {statistics.median(sum(stages.ms.values()) for stages in runs):.0f} "
        f"| {statistics.median(sum(stages.cpu_ms.values()) for stages in runs):.0f} |"
        for runs in tables.values()
    ]
    return [*lines, "| **all** |" + "".join(whole)]


def profile(data: bytes, model: RembgModel) -> list[str]:
    """The functions with the most time of their own in the request's thread, in milliseconds."""
    profiler = cProfile.Profile()
    profiler.runcall(request, data, model)
    rows = [
        (own, calls, f"{Path(file).name}:{name}" if file != "~" else name)
        for (file, _, name), (_, calls, own, _, _) in pstats.Stats(profiler).stats.items()
    ]
    lines = ["| function | calls | ms |", "|---|---|---|"]
    for own, calls, name in sorted(rows, reverse=True)[:SLOWEST]:
        lines.append(f"| `{name.strip('<>')}` | {calls} | {own * 1e3:.0f} |")
    return lines


if __name__ == "__main__":
    main()

"""Where the time of one request goes: each stage, at each size, and the busiest functions.

    python -m benchmarks.stages
    python -m benchmarks.stages --sizes 12 --turns 5

The path of the service in one process, alone on the machine: medians of wall and CPU time, where
CPU time above wall time means both cores. `rest` is the copying between the stages. The model's
wall time is that of an idle machine; under load it is shared.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections import Counter
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.sample_images import SIZES, jpegs
from cutout import images
from cutout.options import Options
from cutout.pipeline import Tools, cut_out, plan
from cutout.telemetry import Stages
from u2net import RembgModel

SLOWEST = 12


class BothClocks(Stages):
    """Stages that also keep the CPU time of the whole process, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu_ms: Counter[str] = Counter()
        self._began = time.process_time()

    def add(self, name: str, seconds: float) -> None:
        super().add(name, seconds)
        now = time.process_time()
        self.cpu_ms[name] += (now - self._began) * 1e3
        self._began = now


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
    parser.add_argument("--turns", type=int, default=6, help="pictures of each size")
    parser.add_argument("--data", type=Path, help="folder of photographs to use instead")
    return parser.parse_args()


def request(data: bytes, model: RembgModel) -> BothClocks:
    """One picture through the whole path, default options, nothing stored."""
    stages, began = BothClocks(), time.perf_counter()
    with stages("decode"):
        picture = images.decode(data)
    result = cut_out(picture, plan(Options()), model, model.infer_one, Tools(stages))
    with stages("encode"):
        result.encode()
    whole = time.perf_counter() - began
    stages.add("rest", whole - sum(stages.ms.values()) / 1e3)
    return stages


def table(tables: dict[str, list[BothClocks]]) -> list[str]:
    """Rows of stages, two columns a size: wall and CPU milliseconds."""
    names = list(next(iter(tables.values()))[0].ms)
    lines = [
        "| stage |" + "".join(f" {size} MP, ms | CPU |" for size in tables),
        "|---|" + "---|---|" * len(tables),
    ]
    for name in names:
        cells = [
            f" {statistics.median(one.ms[name] for one in seen):.0f} "
            f"| {statistics.median(one.cpu_ms[name] for one in seen):.0f} |"
            for seen in tables.values()
        ]
        lines.append(f"| {name} |" + "".join(cells))
    whole = [
        f" {statistics.median(sum(one.ms.values()) for one in seen):.0f} "
        f"| {statistics.median(sum(one.cpu_ms.values()) for one in seen):.0f} |"
        for seen in tables.values()
    ]
    return [*lines, "| **all** |" + "".join(whole)]


def profile(data: bytes, model: RembgModel) -> list[str]:
    """The functions in which the request itself spends most, in milliseconds."""
    watch = cProfile.Profile()
    watch.runcall(request, data, model)
    rows = [
        (own, calls, f"{Path(where).name}:{name}" if where != "~" else name)
        for (where, _, name), (_, calls, own, _, _) in pstats.Stats(watch).stats.items()
    ]
    lines = ["| function | calls | ms |", "|---|---|---|"]
    for own, calls, name in sorted(rows, reverse=True)[:SLOWEST]:
        lines.append(f"| `{name.strip('<>')}` | {calls} | {own * 1e3:.0f} |")
    return lines


if __name__ == "__main__":
    main()

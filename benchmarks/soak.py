"""Whether memory, descriptors or threads grow under full load; fails where they do.

    python -m benchmarks.soak                         # 30 minutes, then the negative control
    python -m benchmarks.soak --minutes 2 --control 0

The first fifth is the warm-up; growth is the difference between the medians of the second and the
last fifth. The negative control is the same server with a cache without a bound and images that
are all different: the same check has to fail there, or it would find nothing. It is as long as 600
images take, each of which adds 0.4 MB, however fast the machine is.
"""

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.memory import process_tree, resident_mb
from benchmarks.sample_images import SIZES, jpegs
from benchmarks.serve import run_load, write_files
from benchmarks.servers import free_port, ours, running

MAX_GROWTH_MB, MAX_MORE_DESCRIPTORS, MAX_MORE_THREADS = 50, 20, 20
CLIENTS, IMAGES, SAMPLE_S = 64, 600, 0.5
# In the negative control load is put on for so long at a time.
SLICE_MINUTES = 0.5


@dataclass(frozen=True)
class Sample:
    """Of the whole process tree at one moment."""

    resident_mb: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    tree = process_tree(pid)
    counts = {"fd": 0, "task": 0}
    for number in tree:
        for name in counts:
            try:
                counts[name] += len(os.listdir(f"/proc/{number}/{name}"))
            except OSError:
                continue
    return Sample(resident_mb(pid), counts["fd"], counts["task"])


def growth(samples: list[Sample], name: str) -> float:
    """Median of the last fifth less that of the second."""
    values = np.array([getattr(one, name) for one in samples], float)
    fifth = len(values) // 5
    return float(np.median(values[-fifth:]) - np.median(values[fifth : 2 * fifth]))


def soak(minutes: float, cache_bytes: int, folder: Path, min_images: int = 0) -> dict[str, float]:
    """Growth of each figure under full load, which lasts until `min_images` are answered."""
    files = write_files(jpegs(SIZES["0.1"], count=3), folder, "soak")
    if cache_bytes:
        files = distinct(files[0].read_bytes(), folder)
    server = ours(free_port(), folder)
    server = replace(server, env=server.env | {"CUTOUT_CACHE_BYTES": str(cache_bytes)})
    samples: list[Sample] = []
    with running(server) as started:
        stop = threading.Event()
        thread = threading.Thread(target=watch, args=(started.pid, stop, samples))
        thread.start()
        images, statuses, begun = 0, Counter(), time.monotonic()
        while not images or images < min_images:
            load = run_load(server, files, CLIENTS, minutes * 60, max_wait_s=0)
            images += load["images"]
            statuses.update(load["statuses"])
        seconds = time.monotonic() - begun
        stop.set()
        thread.join()
    print(f"{seconds / 60:.1f} minutes, {images} images, answers {dict(statuses)}")
    return {name: growth(samples, name) for name in Sample.__annotations__}


def watch(pid: int, stop: threading.Event, samples: list[Sample]) -> None:
    while not stop.wait(SAMPLE_S):
        samples.append(sample(pid))


def distinct(data: bytes, folder: Path) -> list[Path]:
    """Files that decode alike and differ in what stands behind the image."""
    paths = [folder / f"distinct-{number}.jpg" for number in range(10 * IMAGES)]
    for number, path in enumerate(paths):
        path.write_bytes(data + b"%d" % number)
    return paths


def flat(found: dict[str, float]) -> bool:
    limits = {
        "resident_mb": MAX_GROWTH_MB,
        "descriptors": MAX_MORE_DESCRIPTORS,
        "threads": MAX_MORE_THREADS,
    }
    print(", ".join(f"{name} {value:+.0f} (limit {limits[name]})" for name, value in found.items()))
    return all(value <= limits[name] for name, value in found.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, default=30, help="0 leaves all but the control out"
    )
    parser.add_argument(
        "--control", type=int, default=IMAGES, help="images of the negative control, 0 for none"
    )
    args = parser.parse_args()
    print(machine(), flush=True)
    good = True
    if args.minutes:
        with tempfile.TemporaryDirectory() as folder:
            good = flat(soak(args.minutes, 0, Path(folder)))
    if args.control:
        print("negative control:", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            found = soak(SLICE_MINUTES, 20_000_000_000, Path(folder), args.control)
        good = not flat(found) and good
    print("as it should be" if good else "NOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

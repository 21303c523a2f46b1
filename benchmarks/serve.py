"""The service and `rembg s` compared: same machine, weights and images, in one run.

    python -m benchmarks.serve                    # everything, about 12 minutes on two slow cores
    python -m benchmarks.serve --quick            # 3 minutes
    python -m benchmarks.serve --sizes 12 --clients 1 16
    python -m benchmarks.serve --soak 10          # ours alone: memory of 64 clients of 12 MP

Each server is started again for each image size, so that a peak of memory belongs to one size.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import peer
from benchmarks.machine import machine
from benchmarks.memory import MemorySampler, cpu_seconds
from benchmarks.sample_images import SIZES, jpegs
from benchmarks.servers import Running, Server, free_port, get, ours, running

ROOT = Path(__file__).parent.parent
# The peer holds all images that were sent at once in memory: 64 of 12 MP need more than 20 GB.
PEER_MAX_CLIENTS = {"12": 16}
PROBE_S = 0.1
HEAD = (
    "| MP | clients | server | images/s | p50 s | p95 s | p99 s | CPU s per image | peak MB "
    "| 503 | failed | /health p99 ms |"
)


@dataclass(frozen=True)
class Row:
    """One server under one load. Times in seconds; `full` counts answers 503.

    cpu_s: CPU time of the server per image, the figure least changed by other work on the machine.
    """

    size: str
    clients: int
    server: str
    per_s: float
    seconds: np.ndarray
    cpu_s: float
    peak_mb: float
    full: int
    failed: int
    health_ms: float

    def __str__(self) -> str:
        if not len(self.seconds):
            return f"| {self.size} | {self.clients} | {self.server} | no image answered |"
        p50, p95, p99 = np.percentile(self.seconds, (50, 95, 99))
        return (
            f"| {self.size} | {self.clients} | {self.server} | {self.per_s:.2f} | {p50:.2f} "
            f"| {p95:.2f} | {p99:.2f} | {self.cpu_s:.2f} | {self.peak_mb:.0f} | {self.full} "
            f"| {self.failed} | {self.health_ms:.0f} |"
        )


def main() -> None:
    args = arguments()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if args.soak:
            soak(args, Path(folder))
        else:
            compare(args, Path(folder))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="megapixels of the images")
    parser.add_argument("--clients", nargs="+", type=int)
    parser.add_argument("--seconds", type=float, help="begin no image after this, in each load")
    parser.add_argument("--data", type=Path, help="folder of photographs to use instead")
    parser.add_argument("--quick", action="store_true", help="fewer loads, 3 minutes")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    args = parser.parse_args()
    args.sizes = args.sizes or (["1", "12"] if args.quick else list(SIZES))
    args.clients = args.clients or ([1, 16] if args.quick else [1, 4, 16, 64])
    args.seconds = args.seconds or (5 if args.quick else 10)
    return args


def compare(args: argparse.Namespace, folder: Path) -> None:
    """Print a row for each size, number of clients and server, then the ratios."""
    if not args.alone:
        print(f"peer: {peer.versions()}")
    print(HEAD, "|---" * HEAD.count(" | ") + "|---|", sep="\n", flush=True)
    rows, starts = [], []
    for size in args.sizes:
        files = write_files(jpegs(SIZES[size], args.data), folder, size)
        for server in servers(args, folder):
            with running(server) as started:
                starts.append(f"{server.name} {started.start_s:.1f} s")
                rows += [
                    print_row(measure(started, files, size, clients, args.seconds))
                    for clients in args.clients
                    if server.name == "cutout" or clients <= PEER_MAX_CLIENTS.get(size, clients)
                ]
    print(f"\nprocess start to ready: {', '.join(starts)}\n")
    print("\n".join(ratios(rows)))


def servers(args: argparse.Namespace, folder: Path) -> list[Server]:
    """The peer first, so that the disk cache does not favour ours."""
    return ([] if args.alone else [peer.server(weights(), free_port())]) + [
        ours(free_port(), folder)
    ]


def weights() -> Path:
    """The verified file that the service itself uses."""
    code = (
        "from cutout import settings, weights;"
        "print(weights.ensure('u2net', models_dir=settings.load().models_dir))"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    return Path(found.stdout.strip())


def write_files(images: list[bytes], folder: Path, size: str) -> list[Path]:
    paths = [folder / f"{size}-{number}.jpg" for number in range(len(images))]
    for path, data in zip(paths, images, strict=True):
        path.write_bytes(data)
    return paths


def measure(started: Running, files: list[Path], size: str, clients: int, seconds: float) -> Row:
    """One image to warm up, then the load, with memory and /health observed."""
    run_load(started.server, files[:1], 1, 0)
    before = cpu_seconds(started.pid)
    with MemorySampler(started.pid) as memory, HealthProbe(started.server) as probe:
        load = run_load(started.server, files, clients, seconds)
    cpu_s = (cpu_seconds(started.pid) - before) / max(1, load["images"])
    full = load["statuses"].get("503", 0)
    failed = sum(load["statuses"].values()) - full - load["images"] + load["gave_up"]
    return Row(
        *(size, clients, started.server.name, load["per_s"], np.array(load["seconds"])),
        *(cpu_s, memory.peak_mb, full, failed, probe.p99_ms()),
    )


def run_load(
    server: Server, files: list[Path], clients: int, seconds: float, max_wait_s: float = 60
) -> dict:
    """Run `load.py` in a process of its own and return its report."""
    command = [sys.executable, str(Path(__file__).with_name("load.py")), *map(str, files)]
    command += ["--url", server.url, "--field", server.field]
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    command += ["--max-wait", str(max(max_wait_s, seconds))]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


class HealthProbe:
    """Requests /health (of the peer: its OpenAPI description) ten times a second during a load."""

    def __init__(self, server: Server) -> None:
        self.server, self.seconds = server, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "HealthProbe":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def p99_ms(self) -> float:
        return float(np.percentile(self.seconds, 99)) * 1e3 if self.seconds else float("nan")

    def _ask(self) -> None:
        while not self._stop.wait(PROBE_S):
            self.seconds.append(get(self.server, self.server.ready)[1])


def print_row(row: Row) -> Row:
    print(row, flush=True)
    return row


def ratios(rows: list[Row]) -> list[str]:
    """Our figures divided by the peer's, for each load that both had."""
    by_load: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        by_load.setdefault((row.size, row.clients), {})[row.server] = row
    lines = [
        "| MP | clients | throughput | p50 latency | CPU | memory |",
        "|---|---|---|---|---|---|",
    ]
    for (size, clients), both in by_load.items():
        theirs, own = both.get("rembg s"), both.get("cutout")
        if theirs and own and len(theirs.seconds) and len(own.seconds):
            slower = np.median(theirs.seconds) / np.median(own.seconds)
            lines.append(
                f"| {size} | {clients} | {own.per_s / theirs.per_s:.1f} x | 1/{slower:.1f} "
                f"| 1/{theirs.cpu_s / own.cpu_s:.1f} | 1/{theirs.peak_mb / own.peak_mb:.1f} |"
            )
    return lines if len(lines) > 2 else []


def soak(args: argparse.Namespace, folder: Path) -> None:
    """Memory in each minute under 64 clients with 12 MP."""
    files = write_files(jpegs(SIZES["12"], args.data), folder, "12")
    with running(ours(free_port(), folder)) as started, MemorySampler(started.pid) as memory:
        run_load(started.server, files[:1], 1, 0)
        memory.samples.clear()
        with HealthProbe(started.server) as probe:
            load = run_load(started.server, files, 64, args.soak * 60, max_wait_s=0)
    minutes = np.array_split(np.array(memory.samples), max(1, round(args.soak)))
    print("| minute | mean MB | peak MB |\n|---|---|---|")
    for number, part in enumerate(minutes, 1):
        print(f"| {number} | {part.mean():.0f} | {part.max():.0f} |")
    print(f"{load['images']} images, {load['per_s']:.2f}/s, answers {load['statuses']}")
    print(f"/health p99 {probe.p99_ms():.0f} ms, peak {memory.peak_mb:.0f} MB")


if __name__ == "__main__":
    main()

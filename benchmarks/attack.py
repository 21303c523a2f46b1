"""How the running server stands slow clients and steady overload; figures for docs/reliability.md.

    python -m benchmarks.attack slow                  # 500 slow clients of each kind and mixed
    python -m benchmarks.attack overload              # 64 clients of 12 megapixels, one minute
    python -m benchmarks.attack overload --megapixels 1 --seconds 30

Loopback only. `overload` counts what was answered, 503 (told to come back) and 504 (in vain), and
how an honest client at another address fared beside them.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.load import body
from benchmarks.machine import machine
from benchmarks.memory import MemorySampler
from benchmarks.sample_images import SIZES, jpegs
from benchmarks.serve import HealthProbe, run_load, write_files
from benchmarks.servers import Running, free_port, ours, running

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "attack"))
from slow_clients import KINDS, health_seconds, slow_clients  # noqa: E402

CLIENTS = 500


def main() -> None:
    args = arguments()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder, running(ours(free_port(), Path(folder))) as own:
        if args.what == "slow":
            slow(own, args.seconds or 12)
        else:
            overload(own, args, Path(folder))


def slow(own: Running, seconds: float) -> None:
    """/health beside slow clients of one kind after the other, then of all kinds."""
    place = ("127.0.0.1", own.server.port)
    print("| clients | requests of /health | p50 ms | p99 ms | max ms | still open |")
    print("|---|---|---|---|---|---|")
    print_row("none", health_seconds(place, 200), 0)
    for name, kinds in {**{name: [name] for name in KINDS}, "all kinds": list(KINDS)}.items():
        with slow_clients(place, CLIENTS, kinds) as clients:
            found, end = [], time.monotonic() + seconds
            while time.monotonic() < end:
                found += health_seconds(place, 20)
            print_row(f"{CLIENTS} x {name}", found, clients.open())


def print_row(name: str, seconds: list[float], still_open: int) -> None:
    p50, p99, most = np.percentile(seconds, (50, 99, 100)) * 1e3
    row = f"| {name} | {len(seconds)} | {p50:.0f} | {p99:.0f} | {most:.0f} | {still_open} |"
    print(row, flush=True)


def overload(own: Running, args: argparse.Namespace, folder: Path) -> None:
    """The load begins on a server that has just started."""
    seconds = args.seconds or 60
    files = write_files(jpegs(SIZES[args.megapixels], count=3), folder, args.megapixels)
    honest: list[int] = []
    stop = threading.Event()
    thread = threading.Thread(target=be_honest, args=(own, files[0].read_bytes(), stop, honest))
    with MemorySampler(own.pid) as memory, HealthProbe(own.server) as probe:
        thread.start()
        load = run_load(own.server, files, args.clients, seconds, max_wait_s=seconds)
        stop.set()
        thread.join()
    statuses = load["statuses"]
    ended = statuses.get("200", 0) + statuses.get("504", 0)
    print(f"{args.clients} clients, {args.megapixels} MP, {seconds:g} s: {json.dumps(statuses)}")
    print(f"504: {100 * statuses.get('504', 0) / max(1, ended):.1f} % of what was let in")
    print(f"one client at another address: {honest}")
    print(f"peak {memory.peak_mb:.0f} MB; /health p99 {probe.p99_ms():.0f} ms")


def be_honest(own: Running, data: bytes, stop: threading.Event, statuses: list[int]) -> None:
    """Send one image after the other from another address, and come back when told to."""
    form = body(data, "image")
    kind = "multipart/form-data; boundary=cutout-benchmark-7d1f0c52"
    while not stop.is_set():
        link = http.client.HTTPConnection(
            "127.0.0.1", own.server.port, timeout=120, source_address=("127.0.0.2", 0)
        )
        link.request("POST", "/remove-bg", form, {"Content-Type": kind})
        answer = link.getresponse()
        answer.read()
        link.close()
        statuses.append(answer.status)
        if answer.status == 503:
            stop.wait(int(answer.headers["Retry-After"]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("slow", "overload"))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--megapixels", choices=SIZES, default="12")
    parser.add_argument("--seconds", type=float)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How the running server stands slow clients and steady overload; figures for docs/reliability.md.

    python -m benchmarks.attack slow                  # 500 slow clients of each kind and mixed
    python -m benchmarks.attack overload              # 64 clients of 12 megapixels, one minute
    python -m benchmarks.attack overload --load mix   # of 1, 12 and 49 megapixels
    python -m benchmarks.attack overload --load work  # plain, matting, all measures
    python -m benchmarks.attack overload --load 1 --deadline 5

Loopback only. `overload` counts what was answered, 503 (told to come back) and 504 (in vain), and
how an honest client at another address fared beside them.
"""

import argparse
import http.client
import io
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.load import body
from benchmarks.machine import machine
from benchmarks.memory import MemorySampler
from benchmarks.sample_images import SIZES, jpegs
from benchmarks.serve import HealthProbe
from benchmarks.servers import Running, free_port, ours, running
from benchmarks.worst_mix import client, flat

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "attack"))
from slow_clients import KINDS, health_seconds, slow_clients  # noqa: E402

CLIENTS = 500
Kind = tuple[str, dict[str, str], dict[str, bytes]]


def main() -> None:
    args = arguments()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = ours(free_port(), Path(folder))
        deadline = {"CUTOUT_DEADLINE_S": f"{args.deadline:g}"}
        own = stack.enter_context(running(replace(server, env=server.env | deadline)))
        if args.what == "slow":
            slow(own, args.seconds or 12)
        else:
            overload(own, args)


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


def loads() -> dict[str, list[Kind]]:
    """Path, options and files of each kind of request, by the name of the load."""
    small = jpegs(SIZES["1"])[0]
    mask = as_png(Image.open(io.BytesIO(small)).convert("L"))
    huge = flat(7000, "RGB")
    kinds = {name: ("/remove-bg", {}, {"image": jpegs(SIZES[name])[0]}) for name in SIZES}
    large: Kind = ("/remove-bg", {}, {"image": huge})
    matted: Kind = ("/remove-bg", {"matting": "closed-form"}, {"image": small})
    measured: Kind = ("/evaluate", {"measures": "all"}, {"image": small, "mask": mask})
    return {
        **{name: [kind] for name, kind in kinds.items()},
        "mix": [kinds["1"], kinds["12"], large],
        "work": [kinds["1"], matted, measured],
    }


def as_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def overload(own: Running, args: argparse.Namespace) -> None:
    """The load begins on a server that has just started."""
    seconds, kinds = args.seconds or 60, loads()[args.load]
    base, answers = f"http://127.0.0.1:{own.server.port}", Counter()
    honest: list[int] = []
    stop, end = threading.Event(), time.monotonic() + seconds
    file = kinds[0][2]["image"]
    others = [threading.Thread(target=be_honest, args=(own, file, stop, honest))]
    clients = [
        threading.Thread(target=client, args=(base, kinds, number, end, answers))
        for number in range(args.clients)
    ]
    with MemorySampler(own.pid) as memory, HealthProbe(own.server) as probe:
        for thread in clients + others:
            thread.start()
        for thread in clients:
            thread.join()
        stop.set()
        others[0].join()
    statuses = Counter()
    for (kind, status), count in sorted(answers.items()):
        print(f"| {kinds[kind][0]} {kinds[kind][1]} no. {kind} | {status} | {count} |")
        statuses[status] += count
    ended = statuses[200] + statuses[504]
    print(f"{args.clients} clients, {args.load}, {seconds:g} s: {dict(statuses)}")
    print(f"504: {100 * statuses[504] / max(1, ended):.1f} % of what was let in")
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
    parser.add_argument("--load", choices=(*SIZES, "mix", "work"), default="12")
    parser.add_argument("--deadline", type=float, default=30, help="CUTOUT_DEADLINE_S")
    parser.add_argument("--seconds", type=float)
    return parser.parse_args()


if __name__ == "__main__":
    main()

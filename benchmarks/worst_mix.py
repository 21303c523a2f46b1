"""Memory under the requests that need most of it, from many clients at once.

    python -m benchmarks.worst_mix                    # 64 clients, two minutes
    python -m benchmarks.worst_mix --clients 16 --seconds 60

Each client sends one request after the other: images, masks, trimaps, backgrounds and strokes of
49 megapixels from a few kB, photographs of 12 megapixels, with matting, all measures, an overlay,
a large canvas. Answers 200, 422 (more than all memory) and 503 (full) are as meant. Prints the
peak of the server's resident memory, the answers, and how /health answered meanwhile.
"""

import argparse
import io
import itertools
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import requests
from PIL import Image

from benchmarks.machine import machine
from benchmarks.memory import MemorySampler, resident_mb
from benchmarks.sample_images import SIZES, jpegs
from benchmarks.serve import HealthProbe
from benchmarks.servers import free_port, ours, running


def flat(side: int, mode: str = "L") -> bytes:
    """A disc on a plain ground: few kB, whatever its size."""
    y, x = np.ogrid[:side, :side]
    inside = (y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 3) ** 2
    file = io.BytesIO()
    Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)).convert(mode).save(file, "PNG")
    return file.getvalue()


def trimap(side: int) -> bytes:
    y, x = np.ogrid[:side, :side]
    distance = np.hypot(y - side / 2, x - side / 2)
    levels = np.select([distance < side * 0.33, distance < side * 0.34], [255, 128], 0)
    file = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def mix() -> list[tuple[str, dict[str, str], dict[str, bytes]]]:
    """Path, options and files of each kind of request."""
    photo, large, mask = jpegs(SIZES["12"])[0], flat(7000, "RGB"), flat(7000)
    middle = flat(3400, "RGB")
    photo_mask = io.BytesIO()
    Image.open(io.BytesIO(photo)).convert("L").save(photo_mask, "PNG")
    truth = photo_mask.getvalue()
    beside = {"trimap": trimap(7000), "background_image": large}
    return [
        ("/remove-bg", {}, {"image": large}),
        ("/remove-bg", {"matting": "closed-form"}, {"image": large, **beside}),
        ("/remove-bg", {"canvas": "10000x10000"}, {"image": photo}),
        ("/remove-bg", {}, {"image": middle, "keep": mask, "erase": mask}),
        ("/remove-bg", {"matting": "knn"}, {"image": photo}),
        ("/remove-bg", {"background": "blur", "format": "webp"}, {"image": photo}),
        ("/remove-bg", {"quality": "best"}, {"image": photo, "background_image": large}),
        ("/evaluate", {"measures": "all", "overlay": "on"}, {"image": photo, "mask": truth}),
        ("/evaluate", {"measures": "all"}, {"image": large, "mask": mask}),
        ("/evaluate", {"measures": "paper"}, {"prediction": mask, "mask": mask}),
        ("/evaluate", {"measures": "boundary"}, {"image": large, "mask": mask}),
    ]


def main() -> None:
    args = arguments()
    print(machine(), flush=True)
    kinds, answers = mix(), Counter()
    with tempfile.TemporaryDirectory() as folder, running(ours(free_port(), Path(folder))) as own:
        base = f"http://127.0.0.1:{own.server.port}"
        before = resident_mb(own.pid)
        with MemorySampler(own.pid) as memory, HealthProbe(own.server) as probe:
            end = time.monotonic() + args.seconds
            clients = [
                threading.Thread(target=client, args=(base, kinds, number, end, answers))
                for number in range(args.clients)
            ]
            for one in clients:
                one.start()
            for one in clients:
                one.join()
    print(f"{args.clients} clients, {args.seconds:g} s; before {before:.0f} MB, ", end="")
    print(f"peak {memory.peak_mb:.0f} MB; /health p99 {probe.p99_ms():.0f} ms, ", end="")
    print(f"max {max(probe.seconds) * 1e3:.0f} ms")
    for (kind, status), count in sorted(answers.items()):
        path, options, files = kinds[kind]
        print(f"| {path} {options} {'+'.join(files)} | {status} | {count} |")


def client(base: str, kinds: list, number: int, end: float, answers: Counter) -> None:
    session = requests.Session()
    for turn in itertools.count(number):
        if time.monotonic() > end:
            return
        path, options, files = kinds[turn % len(kinds)]
        parts = {name: (f"{name}.png", data) for name, data in files.items()}
        answer = session.post(base + path, data=options, files=parts, timeout=120)
        answers[turn % len(kinds), answer.status_code] += 1
        if answer.status_code == 503:
            time.sleep(min(5, int(answer.headers["Retry-After"])))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    return parser.parse_args()


if __name__ == "__main__":
    main()

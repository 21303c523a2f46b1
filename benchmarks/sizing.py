"""Memory of the service by size of the image and by what is asked: for docs/operations.md.

    python -m benchmarks.sizing

A new server for each row; 8 images from 4 clients at once. `peak` is the highest resident memory
of the process tree, `after` what is left when the last answer is through.
"""

import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.load import BOUNDARY, body
from benchmarks.machine import machine
from benchmarks.memory import MemorySampler, resident_mb
from benchmarks.sample_images import jpegs
from benchmarks.servers import Server, free_port, ours, running

IMAGES, CLIENTS = 8, 4
SIZES = {"12 MP": (4000, 3000), "50 MP": (8160, 6120)}
SETTLE_S = 3


@dataclass(frozen=True)
class Case:
    """One row: a size of SIZES and the options of the request."""

    size: str
    options: dict[str, str]

    def __str__(self) -> str:
        asked = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.size}, {asked or 'default options'}"


CASES = [
    Case("12 MP", {}),
    Case("12 MP", {"matting": "closed-form"}),
    Case("50 MP", {}),
    Case("50 MP", {"matting": "closed-form"}),
]


def main() -> None:
    print(machine(), flush=True)
    print("| request | idle MB | peak MB | after MB | answers |\n|---|---|---|---|---|", flush=True)
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(case, Path(folder)), flush=True)


def measure(case: Case, folder: Path) -> str:
    images = jpegs(SIZES[case.size])
    with running(patient(ours(free_port(), folder))) as server:
        idle = resident_mb(server.pid)
        with MemorySampler(server.pid) as sampler:
            statuses = send_all(server.server.url, images, case.options)
        time.sleep(SETTLE_S)
        after = resident_mb(server.pid)
    counted = ", ".join(f"{statuses.count(one)} x {one}" for one in sorted(set(statuses)))
    return f"| {case} | {idle:.0f} | {sampler.peak_mb:.0f} | {after:.0f} | {counted} |"


def patient(server: Server) -> Server:
    """With a deadline so long that a busy machine refuses nothing."""
    return replace(server, env=server.env | {"CUTOUT_DEADLINE_S": "200"})


def send_all(url: str, images: list[bytes], options: dict[str, str]) -> list[int]:
    """Statuses of IMAGES requests, CLIENTS of them at a time."""
    statuses: list[int] = []
    numbers = iter(range(IMAGES))
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            statuses.append(send(url, images[number % len(images)], options))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def send(url: str, image: bytes, options: dict[str, str]) -> int:
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in options.items()
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(url, fields.encode() + body(image, "image"), kind)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


if __name__ == "__main__":
    main()

"""Load on one URL from many clients, in a process of its own.

    python -m benchmarks.load --url http://127.0.0.1:5000/remove-bg --field image \\
        --clients 16 --seconds 20 photo.jpg …

Each client sends its next image when the last one is answered, over one connection that it keeps.
After a 503 it waits for Retry-After and sends the same image again; its time counts from the first
attempt. No client begins a new image after `--seconds`, nor sends one again after `--max-wait`.
Prints one JSON object.
"""

import argparse
import http.client
import itertools
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

BOUNDARY = "cutout-benchmark-7d1f0c52"
# Seconds without a byte after which an attempt has failed.
TIMEOUT_S = 600


@dataclass
class Totals:
    """What happened so far, shared by all clients."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    begun: int = 0
    gave_up: int = 0
    last: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int) -> None:
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def add(self, began: float, timing: str | None) -> None:
        with self.lock:
            self.last = time.monotonic()
            self.seconds.append(self.last - began)
            self.stages.append(timing or "")


def main() -> None:
    args = arguments()
    bodies = [body(path.read_bytes(), args.field) for path in args.images]
    totals, start = Totals(), time.monotonic()
    clients = [
        threading.Thread(target=client, args=(args, bodies, number, totals, start))
        for number in range(args.clients)
    ]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    json.dump(report(totals, start), sys.stdout)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--field", required=True, help="name of the form field")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="begin no image after this")
    parser.add_argument("--max-wait", type=float, default=60, help="send no image again after this")
    return parser.parse_args()


def body(image: bytes, name: str) -> bytes:
    """A multipart form with one file. RFC 7578."""
    head = (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def client(
    args: argparse.Namespace, bodies: list[bytes], number: int, totals: Totals, start: float
) -> None:
    """One client; `number` is the index of its first image."""
    target = urlsplit(args.url)
    connection = http.client.HTTPConnection(target.netloc, timeout=TIMEOUT_S)
    path = f"{target.path}?{target.query}"
    for turn in itertools.count(number):
        with totals.lock:
            if turn > number and time.monotonic() - start > args.seconds:
                break
            totals.begun += 1
        if not deliver(connection, path, bodies[turn % len(bodies)], totals, start + args.max_wait):
            break
    connection.close()


def deliver(
    connection: http.client.HTTPConnection, path: str, data: bytes, totals: Totals, limit: float
) -> bool:
    """Send one image until the status is not 503; False when the time limit ended before that.

    The client stops then: its next images would be refused as well.
    """
    began = time.monotonic()
    while True:
        status, headers = send(connection, path, data)
        totals.count(status)
        if status == 200:
            totals.add(began, headers.get("Server-Timing"))
        if status != 503:
            return True
        wait = float(headers.get("Retry-After", 1))
        if time.monotonic() + wait > limit:
            with totals.lock:
                totals.gave_up += 1
            return False
        time.sleep(wait)


def send(connection: http.client.HTTPConnection, path: str, data: bytes) -> tuple[int, dict]:
    """Status and headers of one attempt; 0 when the connection broke."""
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    try:
        connection.request("POST", path, data, kind)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, {}
    return response.status, response.headers


def report(totals: Totals, start: float) -> dict:
    wall = totals.last - start
    return {
        "images": len(totals.seconds),
        "wall_s": wall,
        "per_s": len(totals.seconds) / wall if totals.seconds else 0.0,
        "statuses": totals.statuses,
        "gave_up": totals.gave_up,
        "seconds": totals.seconds,
        "stages": totals.stages,
    }


if __name__ == "__main__":
    main()

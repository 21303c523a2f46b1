"""Load on one address from many clients; a process of its own, so that it disturbs no server.

    python -m benchmarks.load --url http://127.0.0.1:5000/remove-bg --field image \\
        --clients 16 --seconds 20 photo.jpg …

Each client sends its next picture when the last one is answered, over one connection that it keeps.
A 503 is obeyed: the client sleeps for Retry-After and sends the same picture again; its time counts
from the first attempt. No client begins a new picture after `--seconds`, nor sends one again after
`--max_expected_wait_s`. Prints one JSON object.
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
# A client gives up on one picture after this long.
PATIENCE_S = 600


@dataclass
class Tally:
    """What happened so far, shared by all clients."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    begun: int = 0
    gave_up: int = 0
    last: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def saw(self, status: int) -> None:
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def finished(self, began: float, timing: str | None) -> None:
        with self.lock:
            self.last = time.monotonic()
            self.seconds.append(self.last - began)
            self.stages.append(timing or "")


def main() -> None:
    args = arguments()
    bodies = [body(path.read_bytes(), args.field) for path in args.pictures]
    tally, start = Tally(), time.monotonic()
    clients = [
        threading.Thread(target=client, args=(args, bodies, number, tally, start))
        for number in range(args.clients)
    ]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    json.dump(report(tally, start), sys.stdout)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--field", required=True, help="name of the form field")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="begin no picture after this")
    parser.add_argument(
        "--max_expected_wait_s", type=float, default=60, help="obey no 503 after this"
    )
    return parser.parse_args()


def body(picture: bytes, name: str) -> bytes:
    """A multipart form with one file. RFC 7578."""
    head = (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def client(
    args: argparse.Namespace, bodies: list[bytes], number: int, tally: Tally, start: float
) -> None:
    """One client; starts at another picture than its neighbour."""
    target = urlsplit(args.url)
    link = http.client.HTTPConnection(target.netloc, timeout=PATIENCE_S)
    path = f"{target.path}?{target.query}"
    for turn in itertools.count(number):
        with tally.lock:
            if turn > number and time.monotonic() - start > args.seconds:
                break
            tally.begun += 1
        if not deliver(
            link, path, bodies[turn % len(bodies)], tally, start + args.max_expected_wait_s
        ):
            break
    link.close()


def deliver(
    link: http.client.HTTPConnection, path: str, data: bytes, tally: Tally, limit: float
) -> bool:
    """Send one picture until it is answered by anything but 503; False: the time limit ended.

    Who gave up stays away: the next picture would only be refused as well, again and again.
    """
    began = time.monotonic()
    while True:
        status, headers = ask(link, path, data)
        tally.saw(status)
        if status == 200:
            tally.finished(began, headers.get("Server-Timing"))
        if status != 503:
            return True
        wait = float(headers.get("Retry-After", 1))
        if time.monotonic() + wait > limit:
            with tally.lock:
                tally.gave_up += 1
            return False
        time.sleep(wait)


def ask(link: http.client.HTTPConnection, path: str, data: bytes) -> tuple[int, dict]:
    """Status and headers of one attempt; 0 when the connection broke."""
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    try:
        link.request("POST", path, data, kind)
        answer = link.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        link.close()
        return 0, {}
    return answer.status, answer.headers


def report(tally: Tally, start: float) -> dict:
    wall = tally.last - start
    return {
        "pictures": len(tally.seconds),
        "wall_s": wall,
        "per_s": len(tally.seconds) / wall if tally.seconds else 0.0,
        "statuses": tally.statuses,
        "gave_up": tally.gave_up,
        "seconds": tally.seconds,
        "stages": tally.stages,
    }


if __name__ == "__main__":
    main()

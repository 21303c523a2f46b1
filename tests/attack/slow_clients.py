"""Clients that send slowly in every way, and the time in which /health answers meanwhile."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

Place = tuple[str, int]
Drip = Callable[[int], bytes]
POST = b"POST /remove-bg HTTP/1.1\r\nHost: test\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=slow\r\n"
UPLOAD = POST + FORM + b"Content-Length: 100000\r\n\r\n"
CHUNKED = POST + FORM + b"Transfer-Encoding: chunked\r\n\r\n"


def nothing(_second: int) -> bytes:
    return b""


# What a client sends at first, and what in each further second.
KINDS: dict[str, tuple[bytes, Drip]] = {
    "silence": (b"", nothing),
    "half a head": (POST + b"X-Half: ", nothing),
    "one header line a second": (POST, lambda second: b"X-Line-%d: a\r\n" % second),
    "one byte of a head a second": (b"G", lambda second: b"GET /"[second % 5 :][:1]),
    "body at one byte a second": (UPLOAD, lambda _second: b"a"),
    "half a body": (UPLOAD + b"a" * 5000, nothing),
    "one chunk of one byte a second": (CHUNKED, lambda _second: b"1\r\na\r\n"),
    "half a chunk size": (CHUNKED + b"1000", nothing),
}


class SlowClients:
    """Connections of these kinds in turn, each sending its drop of data every second."""

    def __init__(self, place: Place, count: int, kinds: Sequence[str]) -> None:
        self.begun = time.monotonic()
        self.drips = [KINDS[kinds[number % len(kinds)]] for number in range(count)]
        self.links = [_connect(place, first) for first, _ in self.drips]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def _drip(self) -> None:
        second = 0
        while not self._stop.wait(1):
            for link, (_, drip) in zip(self.links, self.drips, strict=True):
                with suppress(OSError):
                    link.send(drip(second))
            second += 1

    def open(self) -> int:
        """How many the server has not closed."""
        return sum(map(_is_open, self.links))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for link in self.links:
            link.close()


def _connect(place: Place, first: bytes) -> socket.socket:
    link = socket.create_connection(place, timeout=10)
    link.sendall(first)
    link.setblocking(False)
    return link


def _is_open(link: socket.socket) -> bool:
    try:
        while data := link.recv(65_536):
            del data
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def slow_clients(place: Place, count: int, kinds: Sequence[str]) -> Iterator[SlowClients]:
    clients = SlowClients(place, count, kinds)
    try:
        yield clients
    finally:
        clients.close()


def health_seconds(place: Place, count: int, pause_s: float = 0.02) -> list[float]:
    """Seconds of `count` requests of /health, each over a new connection."""
    return [_one_health(place, pause_s) for _ in range(count)]


def _one_health(place: Place, pause_s: float) -> float:
    time.sleep(pause_s)
    start = time.monotonic()
    with socket.create_connection(place, timeout=30) as link:
        link.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        assert link.recv(65_536).startswith(b"HTTP/1.1 200")
    return time.monotonic() - start

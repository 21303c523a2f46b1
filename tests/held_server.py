"""A running server whose model the test holds and releases, and raw requests to it."""

import fcntl
import http.client
import json
import select
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from serving import ROOT, Running, start

BOUNDARY = "held"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
MAX_WAIT_S = 30


@dataclass
class HeldServer:
    folder: Path
    running: Running

    @property
    def place(self) -> tuple[str, int]:
        target = urlsplit(self.running.address)
        return target.hostname, target.port

    @property
    def seen(self) -> int:
        """Tensors the model was given so far."""
        return (self.folder / "seen").stat().st_size

    @property
    def worker(self) -> int:
        """Process id of gunicorn's worker, which alone owns the model."""
        return int((self.folder / "worker").read_text())

    @contextmanager
    def held(self, name: str = "hold") -> Iterator[None]:
        """The model stands still inside the block; with `loading`, loading the app does."""
        with (self.folder / name).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.running.address + path, timeout=MAX_WAIT_S) as answer:
            return answer.read()

    def load(self) -> dict:
        return json.loads(self.get("/health"))["load"]

    def until(self, true: Callable[[dict], bool]) -> None:
        """Wait for a state of the service, as /health tells it."""
        until(lambda: true(self.load()), self.load)

    def send(self, data: bytes, file_name: str = "a.png") -> socket.socket:
        """A whole request to remove a background; its answer is not read yet."""
        body = form(data, file_name)
        return self.raw(head(f"Content-Length: {len(body)}") + body)

    def raw(self, data: bytes) -> socket.socket:
        link = socket.create_connection(self.place, timeout=MAX_WAIT_S)
        link.sendall(data)
        return link

    def kept(self) -> http.client.HTTPConnection:
        """A connection that is kept between requests, used once already."""
        link = http.client.HTTPConnection(*self.place, timeout=MAX_WAIT_S)
        assert fetch(link, "/livez") == 200
        return link


def until(true: Callable[[], bool], told: Callable[[], object] = lambda: None) -> None:
    """Wait for something that happens in another process; `told` explains why it did not."""
    limit = time.monotonic() + MAX_WAIT_S
    while not true():
        assert time.monotonic() < limit, told()
        select.select([], [], [], 0.01)


@contextmanager
def prepared_server(folder: Path, *arguments: str, **settings: object) -> Iterator[HeldServer]:
    """A server that may still be starting."""
    shutil.copy(ROOT / "tests" / "held_app.py", folder / "app.py")
    (folder / "root").write_text(str(ROOT))
    (folder / "seen").touch()
    with start(folder, *arguments, **settings) as running:
        yield HeldServer(folder, running)


@contextmanager
def held_server(folder: Path, **settings: object) -> Iterator[HeldServer]:
    """A server that is ready."""
    with prepared_server(folder, **settings) as server:
        server.running.wait_until_ready()
        yield server


def form(data: bytes, file_name: str = "a.png") -> bytes:
    """A multipart body with one file. RFC 7578."""
    top = f'Content-Disposition: form-data; name="image"; filename="{file_name}"'
    return f"--{BOUNDARY}\r\n{top}\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def head(length: str) -> bytes:
    lines = ["POST /remove-bg HTTP/1.1", "Host: test", f"Content-Type: {FORM}", length]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def fetch(link: http.client.HTTPConnection, path: str) -> int:
    """Status of a GET over a connection that is kept."""
    link.request("GET", path)
    response = link.getresponse()
    response.read()
    return response.status


def post(link: http.client.HTTPConnection, body: bytes) -> int:
    """Status of a form sent over a connection that is kept."""
    link.request("POST", "/remove-bg", body, {"Content-Type": FORM})
    response = link.getresponse()
    response.read()
    return response.status


def status(link: socket.socket) -> int:
    """Status of the answer; 0 when the server closed without one."""
    return answer(link)[0]


def answer(link: socket.socket) -> tuple[int, bytes]:
    """Status and the whole answer, read until the server closes."""
    with link:
        parts = []
        while part := link.recv(65536):
            parts.append(part)
    whole = b"".join(parts)
    return (int(whole.split(b" ", 2)[1]) if whole else 0), whole

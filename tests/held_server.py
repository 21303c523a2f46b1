"""A running server whose model the test holds and releases, and raw requests to it."""

import fcntl
import json
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from serving import ROOT, serve

BOUNDARY = "held"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PATIENCE_S = 30


@dataclass
class HeldServer:
    folder: Path
    address: str

    @property
    def place(self) -> tuple[str, int]:
        target = urlsplit(self.address)
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
    def held(self) -> Iterator[None]:
        """The model stands still inside the block."""
        with (self.folder / "hold").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_S) as answer:
            return answer.read()

    def load(self) -> dict:
        return json.loads(self.get("/health"))["load"]

    def until(self, true: Callable[[dict], bool]) -> None:
        """Wait for a state of the service, as /health tells it."""
        limit = time.monotonic() + PATIENCE_S
        while not true(self.load()):
            assert time.monotonic() < limit, self.load()

    def send(self, data: bytes) -> socket.socket:
        """A whole request to remove a background; its answer is not read yet."""
        return self.raw(head(f"Content-Length: {len(form(data))}") + form(data))

    def raw(self, data: bytes) -> socket.socket:
        link = socket.create_connection(self.place, timeout=PATIENCE_S)
        link.sendall(data)
        return link


@contextmanager
def held_server(folder: Path, **settings: object) -> Iterator[HeldServer]:
    shutil.copy(ROOT / "tests" / "held_app.py", folder / "app.py")
    (folder / "root").write_text(str(ROOT))
    (folder / "seen").touch()
    with serve(folder, **settings) as address:
        yield HeldServer(folder, address)


def form(data: bytes) -> bytes:
    """A multipart body with one file. RFC 7578."""
    top = 'Content-Disposition: form-data; name="image"; filename="a.png"'
    return f"--{BOUNDARY}\r\n{top}\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def head(length: str) -> bytes:
    lines = ["POST /remove-bg HTTP/1.1", "Host: test", f"Content-Type: {FORM}", length]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


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

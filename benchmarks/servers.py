"""Starts a server as a user does, waits until it is ready, and stops it."""

import http.client
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_LIMIT_S = 300


@dataclass(frozen=True)
class Server:
    """How to start one: `path` takes images in the form field `field`, `ready` answers 200."""

    name: str
    command: list[str]
    port: int
    path: str
    field: str
    ready: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


@dataclass(frozen=True)
class Running:
    """A started server: its process id, and the seconds until `ready` answered."""

    server: Server
    pid: int
    start_s: float


def ours(port: int, folder: Path) -> Server:
    """`python app.py` with results in `folder`, kept briefly so that a long run fills no disk."""
    settings = {
        "PORT": str(port),
        "UPLOAD_DIR": str(folder / "uploads"),
        "RESULT_DIR": str(folder / "results"),
        "KEEP_S": "20",
        # The same few images are sent again and again: their scores must not be cached.
        "CACHE_BYTES": "0",
    }
    return Server(
        name="cutout",
        command=[sys.executable, str(ROOT / "app.py")],
        port=port,
        path="/remove-bg",
        field="image",
        ready="/health",
        env={f"CUTOUT_{name}": value for name, value in settings.items()},
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start it, wait until it is ready, stop it at the end."""
    began = time.monotonic()
    with subprocess.Popen(server.command, env=os.environ | server.env) as process:
        try:
            _wait(server, process, began + START_LIMIT_S)
            yield Running(server, process.pid, time.monotonic() - began)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(server: Server, process: subprocess.Popen, limit: float) -> None:
    while time.monotonic() < limit and process.poll() is None:
        if get(server, server.ready)[0] == 200:
            return
        select.select([], [], [], 0.02)
    raise SystemExit(f"{server.name} did not start")


def get(server: Server, path: str, timeout_s: float = 10) -> tuple[int, float]:
    """Status (0: no response) and seconds of one GET over a new connection."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status, time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return 0, time.monotonic() - began
    finally:
        connection.close()

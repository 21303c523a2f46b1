"""Starts a server as its user would, waits until it answers, stops it."""

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
    """A way to start one; `path` takes pictures in form field `field`; `ready` answers 200."""

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
    """A started one: its process id, and how long it took until `ready` answered."""

    server: Server
    pid: int
    start_s: float


def ours(port: int, folder: Path) -> Server:
    """`python app.py`, results in `folder`, forgotten soon so that a long run fills no disk."""
    knobs = {
        "PORT": str(port),
        "UPLOAD_DIR": str(folder / "uploads"),
        "RESULT_DIR": str(folder / "results"),
        "KEEP_S": "20",
        # The same few pictures come again and again: their scores must not be remembered.
        "CACHE_BYTES": "0",
    }
    return Server(
        name="cutout",
        command=[sys.executable, str(ROOT / "app.py")],
        port=port,
        path="/remove-bg",
        field="image",
        ready="/health",
        env={f"CUTOUT_{name}": value for name, value in knobs.items()},
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


def get(server: Server, path: str, max_expected_wait_s_s: float = 10) -> tuple[int, float]:
    """Status (0: no answer) and seconds of one GET over a new connection."""
    began = time.monotonic()
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=max_expected_wait_s_s)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return 0, time.monotonic() - began
    finally:
        link.close()

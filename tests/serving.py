"""Starts the real server as a user does, on a free port, and waits until it is ready."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_S, STOP_S = 120, 40


@dataclass
class Running:
    """A server's process, its address and its log."""

    process: subprocess.Popen
    address: str
    log_file: Path

    @property
    def log(self) -> str:
        """What it wrote on standard output and standard error so far."""
        return self.log_file.read_text()

    def wait_until_ready(self) -> None:
        limit = time.monotonic() + START_S
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                select.select([], [], [], 0.1)
        raise AssertionError(f"the server did not start:\n{re.sub(r'(?m)^', '  ', self.log)}")


def environment(folder: Path, **settings: object) -> dict[str, str]:
    values = {
        "upload_dir": folder / "uploads",
        "result_dir": folder / "results",
        "port": free_port(),
        **settings,
    }
    return {**os.environ, **{f"CUTOUT_{name.upper()}": str(values[name]) for name in values}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def start(folder: Path, *arguments: str, **settings: object) -> Iterator[Running]:
    """Run `python app.py` with CUTOUT_* `settings`, perhaps not ready yet; stop it afterwards."""
    env = environment(folder, **settings)
    app = folder / "app.py" if (folder / "app.py").exists() else ROOT / "app.py"
    command = [sys.executable, str(app), *arguments]
    log_file = folder / "server.log"
    with log_file.open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stderr=log, stdout=log)
    try:
        yield Running(process, f"http://127.0.0.1:{env['CUTOUT_PORT']}", log_file)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@contextmanager
def serve(folder: Path, **settings: object) -> Iterator[str]:
    """The address of a server that is ready."""
    with start(folder, **settings) as running:
        running.wait_until_ready()
        yield running.address

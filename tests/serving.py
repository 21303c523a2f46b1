"""Starts the real server as a user does, on a free port, and waits until it is ready."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


def environment(folder: Path, **settings: object) -> dict[str, str]:
    knobs = {
        "upload_dir": folder / "uploads",
        "result_dir": folder / "results",
        "port": free_port(),
        **settings,
    }
    return {**os.environ, **{f"CUTOUT_{name.upper()}": str(knobs[name]) for name in knobs}}


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(folder: Path, **settings: object) -> Iterator[str]:
    """Run `python app.py` with CUTOUT_* `settings`; gives its address, stops it afterwards."""
    env = environment(folder, **settings)
    app = folder / "app.py" if (folder / "app.py").exists() else ROOT / "app.py"
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        [sys.executable, str(app)], cwd=folder, env=env, stderr=log, stdout=log
    )
    address = f"http://127.0.0.1:{env['CUTOUT_PORT']}"
    try:
        _wait(process, address, folder / "server.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
        log.close()


def _wait(process: subprocess.Popen, address: str, log: Path) -> None:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            select.select([], [], [], 0.1)
    raise AssertionError(f"the server did not start:\n{re.sub(r'(?m)^', '  ', log.read_text())}")

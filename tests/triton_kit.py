"""A real Triton server for tests: the binary that PyPI's nvidia-pytriton carries.

TRITON_ENV names a virtual environment of the system's Python 3.11 with nvidia-pytriton and
onnxruntime; its server has Triton's Python backend alone.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cutout.models.table import spec_of
from cutout.runtimes.base import RuntimeConfig
from cutout.runtimes.triton_repository import ServerConfig, write_repository

ENV = Path(os.environ.get("TRITON_ENV", "/nowhere"))
SITE = ENV / "lib/python3.11/site-packages"


def skip_without_server() -> None:
    if not (SITE / "pytriton").is_dir():
        pytest.skip("TRITON_ENV names no environment with nvidia-pytriton; see `make test-fleet`")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def repository(folder: Path, config: RuntimeConfig, delay_s: float = 0, **server) -> Path:
    """A model repository; each pass takes `delay_s` seconds more."""
    made = write_repository(
        folder, config, spec_of(config.model_name), ServerConfig(backend="python", **server)
    )
    code = made / "1" / "model.py"
    begin = "        inputs = ["
    text = code.read_text()
    assert begin in text
    sleep = f"        import time; time.sleep({delay_s})\n"
    code.write_text(text.replace(begin, sleep + begin, 1) if delay_s else text)
    return folder


class TritonServer:
    """A server process on ports of its own; `start` again uses the same ports."""

    def __init__(self, models: Path, folder: Path) -> None:
        self.models, self.http, self.grpc = models, free_port(), free_port()
        self.backends = folder / "backends"
        shutil.copytree(SITE / "pytriton/tritonserver/backends", self.backends)
        stub = "triton_python_backend_stub"
        stubs = SITE / "pytriton/tritonserver/python_backend_stubs/3.11"
        shutil.copy2(stubs / stub, self.backends / "python" / stub)
        (self.backends / "python" / stub).chmod(0o755)
        # The stub finds its CUDA library beside the environment's packages.
        self.libraries = SITE / "nvidia_pytriton.libs"
        self.log = folder / "server.log"
        self.process: subprocess.Popen | None = None

    def url(self, protocol: str) -> str:
        return f"{protocol}://127.0.0.1:{self.http if protocol == 'http' else self.grpc}"

    def start(self) -> "TritonServer":
        env = os.environ | {
            "PYTHONPATH": str(SITE),
            "PATH": f"{ENV / 'bin'}:{os.environ['PATH']}",
            "LD_LIBRARY_PATH": str(self.libraries),
        }
        command = [
            *(SITE / "pytriton/tritonserver/bin/tritonserver", f"--model-repository={self.models}"),
            *(f"--backend-directory={self.backends}", "--allow-metrics=false"),
            *("--http-address=127.0.0.1", f"--http-port={self.http}", "--reuse-http-port=1"),
            *("--grpc-address=127.0.0.1", f"--grpc-port={self.grpc}", "--reuse-grpc-port=1"),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"{self.url('http')}/v2/health/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        pytest.fail(self.log.read_text()[-3000:])

    def kill(self) -> None:
        """Kill -9 the server and the processes of its backend."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None

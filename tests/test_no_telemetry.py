"""No library looks up a name or writes a file under HOME, however the service is started."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from serving import serve
from skimage import data

from cutout import images

ROOT = Path(__file__).parent.parent

# Python imports it at start. Processes that the libraries fork inherit the replaced functions.
# A call is recorded and then made, so that strace sees it too.
SITECUSTOMIZE = """
import os, socket

def record(owner, name):
    call = getattr(owner, name)
    def recorded(*arguments, **options):
        with open(os.environ["LOOKUPS"], "a") as file:
            file.write(repr(arguments) + "\\n")
        return call(*arguments, **options)
    setattr(owner, name, recorded)

for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    record(socket, name)
record(socket.socket, "connect")
"""

RUNTIMES = """
import hashlib
from pathlib import Path
import numpy as np
from cutout.runtimes import RuntimeConfig, open_runtime

cache = Path.home() / ".cache" / "cutout"
weights = cache / "models" / "u2netp.onnx"
digest = hashlib.sha256(weights.read_bytes()).hexdigest()
for engine in ("onnxruntime", "openvino"):
    config = RuntimeConfig(
        weights, digest, "u2netp", 320, cache, device="cpu", precision="fp32", runtime=engine
    )
    runtime = open_runtime(config)
    assert runtime.run(np.zeros((1, 3, 320, 320), np.float32)).shape == (1, 320, 320)
    runtime.close()
"""

MODEL = """
from u2net import RembgModel
RembgModel("u2netp").remove_bg("photograph.png", "out.png")
"""

SERVICE = """
from app import create_app
app = create_app()
with open("photograph.png", "rb") as image:
    assert app.test_client().post("/remove-bg", data={"image": image}).status_code == 200
"""

BENCHMARKS = "import benchmarks.contact_sheet, benchmarks.calibrate, benchmarks.gpu"

COMMANDS = {
    "both runtimes": ["-c", RUNTIMES],
    "u2net.py": ["-c", MODEL],
    "app.py": ["-c", SERVICE],
    "command": ["-m", "cutout", "remove", "photograph.png", "out.png"],
    "benchmarks": ["-c", BENCHMARKS],
}


@dataclass(frozen=True)
class Observed:
    """What one process did.

    files: under its HOME, relative. lookups: calls of Python's socket functions. trace: lines of
    strace for the system calls that open a connection or send; None where strace cannot be used.
    """

    files: list[Path]
    lookups: str
    trace: list[str] | None


@pytest.fixture(scope="module", params=COMMANDS.values(), ids=COMMANDS)
def observed(request, u2netp_path, tmp_path_factory) -> Observed:
    folder = tmp_path_factory.mktemp("no_telemetry")
    env = {name: value for name, value in os.environ.items() if not to_unset(name)}
    env |= fresh_home(folder, u2netp_path)
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]
    prefix = [*strace, str(folder / "trace")] if strace_works() else []
    command = [*prefix, sys.executable, *request.param]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    trace = (folder / "trace").read_text().splitlines() if prefix else None
    return Observed(files_at_home(folder), (folder / "lookups").read_text(), trace)


def fresh_home(folder: Path, weights: Path) -> dict[str, str]:
    """A HOME with the weights alone, a photograph, and the recorder; the environment for them."""
    models, recorder = folder / "home/.cache/cutout/models", folder / "recorder"
    for made in (models, recorder):
        made.mkdir(parents=True)
    shutil.copy(weights, models)
    (folder / "lookups").touch()
    (recorder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (folder / "photograph.png").write_bytes(images.encode(data.chelsea()[:120, :160]))
    return {
        "HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join([str(recorder), str(ROOT)]),
        "LOOKUPS": str(folder / "lookups"),
        "CUTOUT_MODEL": "u2netp",
    }


def files_at_home(folder: Path) -> list[Path]:
    """Files under the fresh HOME, relative to it."""
    home = folder / "home"
    return [path.relative_to(home) for path in home.rglob("*") if path.is_file()]


def to_unset(name: str) -> bool:
    """Variables that would move files out of HOME, change settings, or already be the cure."""
    return name.startswith(("XDG_", "CUTOUT_", "FLASK_", "U2NET_", "REMBG_", "ORT_"))


def strace_works() -> bool:
    """Tell whether strace is installed and allowed to trace here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], check=False).returncode == 0


@pytest.mark.weights
def test_only_our_own_cache_appears_in_a_fresh_home(observed):
    assert observed.files
    assert [path for path in observed.files if path.parts[:2] != (".cache", "cutout")] == []


@pytest.mark.weights
def test_a_server_looks_up_nothing_and_leaves_only_our_cache(tmp_path, monkeypatch, u2netp_path):
    for name in filter(to_unset, list(os.environ)):
        monkeypatch.delenv(name)
    for name, value in fresh_home(tmp_path, u2netp_path).items():
        monkeypatch.setenv(name, value)
    with serve(tmp_path) as address:
        image = (tmp_path / "photograph.png").read_bytes()
        assert requests.post(f"{address}/remove-bg", files={"image": image}, timeout=60).ok
    assert (tmp_path / "lookups").read_text() == ""
    files = files_at_home(tmp_path)
    assert [path for path in files if path.parts[:2] != (".cache", "cutout")] == []


@pytest.mark.weights
def test_python_looks_up_no_name_and_connects_to_nothing(observed):
    assert observed.lookups == ""


@pytest.mark.weights
def test_no_system_call_reaches_the_network(observed):
    if observed.trace is None:
        pytest.skip("strace is not installed, or may not trace here")
    # AF_UNIX also serves user names; only a resolver's socket there would be a look-up of a host.
    assert [line for line in observed.trace if re.search(r"AF_INET|resolve", line)] == []


def test_a_look_up_would_be_recorded(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    env = os.environ | {"PYTHONPATH": str(tmp_path), "LOOKUPS": str(tmp_path / "lookups")}
    program = "import socket; socket.getaddrinfo('localhost', 80)"
    subprocess.run([sys.executable, "-c", program], env=env, check=True)
    assert "localhost" in (tmp_path / "lookups").read_text()


def test_the_variable_holds_in_the_tests_themselves():
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert sys.modules["openvino_telemetry"] is None

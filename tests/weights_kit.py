"""Shared by the tests of downloads: a file server, a row for its file, a wheel."""

import hashlib
import os
import socket
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cutout.weights import ModelSpec, WheelSource, ensure

CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        self.server.may_answer.wait(60)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced or len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format, *arguments):
        """Keep the test's output quiet."""


@contextmanager
def serving():
    """A server that answers with `status` and `body` once `may_answer` is set.

    `requested` lists the paths that clients asked for.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requested, server.status, server.body, server.announced = [], 200, CONTENT, None
    server.may_answer = threading.Event()
    server.may_answer.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


def tiny(server=None, wheel=None):
    """A row for CONTENT; without a server its URL names a closed port."""
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


def fetch(spec, **options):
    return ensure("tiny", models={"tiny": spec}, progress=False, **options)


def empty_home(tmp_path, monkeypatch):
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


def make_wheel(folder, content):
    """Build a wheel that contains `content` and code that must not run."""
    folder.mkdir(exist_ok=True)
    info = "tinycarrier-1.0.dist-info"
    with zipfile.ZipFile(
        folder / "tinycarrier-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED
    ) as archive:
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

"""docs/migrate.md: its smoke test finds what is wrong, its commands do what they say."""

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from held_server import held_server
from PIL import Image
from removebg_kit import BRIGHT
from skimage import data

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = (DOCS / "migrate.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("server")) as held:
        yield held.running.address


@pytest.fixture
def photo(tmp_path) -> Path:
    rgb = np.full((800, 900, 3), 30, np.uint8)
    rgb[200:600, 300:600] = BRIGHT
    path = tmp_path / "photo.png"
    path.write_bytes(image_bytes(rgb))
    return path


def smoke(address: str, photo: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(DOCS / "migrate_smoke.py"), address, str(photo)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_smoke_test_passes_here(server, photo):
    done = smoke(server, photo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "9 of 9 checks passed"


@contextmanager
def other_server(status: int, body: bytes, kind: str):
    """A server that gives everybody the same answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *words):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (200, b"<html>", "text/html"),
        (404, json.dumps({"detail": "Not Found"}).encode(), "application/json"),
        (200, b"\x89PNG", "image/png"),
    ],
)
def test_the_smoke_test_fails_on_a_server_that_is_no_remove_bg(photo, status, body, kind):
    with other_server(status, body, kind) as address:
        done = smoke(address, photo)
    assert done.returncode == 1
    assert "FAILED  account" in done.stdout
    assert "FAILED  archive" in done.stdout


def test_the_smoke_test_names_a_server_that_is_not_there(photo):
    done = smoke("http://127.0.0.1:9", photo)
    assert done.returncode == 1
    assert "0 of 9 checks passed" in done.stdout


def test_the_search_of_the_guide_finds_call_sites(tmp_path):
    (command,) = re.findall(r"```sh\n(grep .*?)```", GUIDE, re.DOTALL)
    (tmp_path / "src").mkdir()
    lines = {
        "a.js": 'fetch("https://api.remove.bg/v1.0/removebg")',
        "b.py": "from removebg import RemoveBg",
        "c.rb": 'gem "remove_bg"',
        "d.php": "use Mtownsend\\RemoveBg\\RemoveBg;",
        ".env": "REMOVE_BG_API_KEY=abc",
        "package.json": '{"dependencies": {"remove.bg": "^1.3.0"}}',
        "other.py": "print('nothing')",
    }
    for name, line in lines.items():
        (tmp_path / "src" / name).write_text(line + "\n")
    found = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path / "src", capture_output=True, text=True
    ).stdout
    assert {Path(line.split(":")[0]).name for line in found.splitlines()} == {*lines} - {"other.py"}


def test_an_installed_npm_client_is_patched_as_the_guide_says(server, photo, tmp_path):
    package = Path(__file__).parent / "clients" / "node_modules"
    if not shutil.which("node") or not (package / "remove.bg").exists():
        pytest.skip("npm remove.bg is not installed: make test-clients")
    (command,) = re.findall(r"```sh\n(sed .*?remove\.bg/dist.*?)```", GUIDE, re.DOTALL)
    shutil.copytree(package, tmp_path / "node_modules", symlinks=True)
    script = Path(__file__).parent / "clients" / "remove_bg.js"
    shutil.copy(script, tmp_path / "client.js")
    line = command.replace("http://localhost:5000", server)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    subprocess.run(
        ["node", "client.js", str(photo), str(tmp_path)], cwd=tmp_path, check=True, timeout=60
    )
    with Image.open(tmp_path / "file.png") as found:
        assert found.size == (900, 800)


@pytest.mark.weights
def test_the_smoke_test_on_the_real_model(real_app, tmp_path):
    photo = tmp_path / "cat.jpg"
    Image.fromarray(data.cat()).save(photo)
    from werkzeug.serving import make_server

    running = make_server("127.0.0.1", 0, real_app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        done = smoke(f"http://127.0.0.1:{running.server_port}", photo)
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
    assert done.returncode == 0, done.stdout + done.stderr

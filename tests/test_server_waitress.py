"""The server of Windows, run for real on this machine, and the package where POSIX is missing."""

import http.client
import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import closing

import pytest
from held_server import FORM, MAX_WAIT_S, answer, fetch, form, held_server, status, until
from serving import ROOT, start


@pytest.mark.weights
def test_the_same_command_serves_with_waitress(tmp_path, u2netp_path, disc_png):
    settings = {"model": "u2netp", "runtime": "onnxruntime", "precision": "fp32"}
    with start(tmp_path, server="waitress", upload_dir="up", **settings) as running:
        running.wait_until_ready()
        headers = {"Content-Type": FORM}
        request = urllib.request.Request(f"{running.address}/remove-bg", form(disc_png), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.headers["Content-Type"] == "image/png"
            assert response.read(8) == b"\x89PNG\r\n\x1a\n"
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(MAX_WAIT_S) == 0
        log = running.log
    assert f"INFO ready: {running.address}, cpu, fp32, " in log
    assert log.splitlines()[-1].endswith("INFO stopped")
    # Relative folders are meant from where the command was typed.
    assert len(list((tmp_path / "up").glob("*.png"))) == 1


def test_waitress_finishes_what_it_admitted_before_it_stops(tmp_path, disc_png):
    with held_server(tmp_path, server="waitress") as server:
        with server.held():
            inside = server.send(disc_png)
            server.until(lambda load: load["inside"] == 1)
            server.running.process.send_signal(signal.SIGTERM)
            with closing(http.client.HTTPConnection(*server.place, timeout=MAX_WAIT_S)) as link:
                until(lambda: fetch(link, "/readyz") == 503)
            code, whole = answer(server.send(disc_png))
            assert (code, b'"code": "not_ready"' in whole) == (503, True)
        assert status(inside) == 200
        assert server.running.process.wait(MAX_WAIT_S) == 0


def test_waitress_ends_the_process_when_the_model_has_failed(tmp_path, disc_png):
    with held_server(tmp_path, server="waitress", deadline_s=2) as server:
        (tmp_path / "fault").write_text("die")
        assert status(server.send(disc_png)) in (500, 503, 504)
        assert server.running.process.wait(MAX_WAIT_S) == 1
        assert "the model failed (" in server.running.log


WINDOWS = """
import json, os, pkgutil, sys, types

# Libraries first: they ask for the platform too, and those of this machine are POSIX builds.
import asyncio, concurrent.futures.process, cv2, flask_limiter, flask_openapi, getpass, idna
import jinja2, multiprocessing.util, numpy, onnxruntime, openvino, PIL.Image, prometheus_client
import pydantic_settings, requests, scipy.ndimage, scipy.sparse.linalg, scipy.spatial, selectors
import simplejpeg, socket, ssl, subprocess, tempfile, tqdm, waitress, werkzeug.serving, zlib_ng

for name in ("fcntl", "resource", "pwd", "grp", "termios", "gunicorn"):
    sys.modules[name] = None
for name in ("getuid", "geteuid", "fork", "sched_getaffinity", "O_DIRECTORY", "sysconf"):
    delattr(os, name)
sys.platform = "win32"
os.environ["USERNAME"] = "somebody"
locked = []
sys.modules["msvcrt"] = types.SimpleNamespace(
    LK_NBLCK=2, locking=lambda handle, mode, count: locked.append(handle)
)
import app, cutout, u2net, metrics
ONLY_GUNICORN = json.loads(sys.argv[1])
# The training needs torch, which the service never imports.
names = [m.name for m in pkgutil.walk_packages(cutout.__path__, "cutout.", onerror=lambda _: None)
         if not m.name.startswith("cutout.training")]
for name in names:
    if not name.startswith(tuple(ONLY_GUNICORN)) and not name.endswith("__main__"):
        __import__(name)

from pathlib import Path
from cutout import weights
from cutout.server import launch
from cutout.storage import Storage
from cutout.weights.folders import write_folders

folder = Path(sys.argv[2])
storage = Storage(folder / "uploads", folder / "results")
storage.open()
name = storage.save_upload(b"data", "png")
storage.close()
print(json.dumps({
    "server": launch._server("auto"), "locked": len(locked), "modules": len(names),
    "folders": len(write_folders(None, {})),
}))
os._exit(0)
"""
ONLY_GUNICORN = [
    f"cutout.server.{name}"
    for name in (
        *("bodies", "client_socket", "connection_worker", "connections", "gunicorn_conf"),
        *("lanes", "refusals", "worker"),
    )
]


def test_the_package_imports_and_stores_where_nothing_of_posix_is_there(tmp_path):
    command = [sys.executable, "-c", WINDOWS, json.dumps(ONLY_GUNICORN), str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["server"] == "waitress"
    assert told["locked"] == 2  # a file in each of the two folders
    assert told["modules"] > 100
    assert told["folders"] >= 1
    assert len(list((tmp_path / "uploads").glob("*.png"))) == 1


def test_gunicorn_is_refused_under_windows_in_one_sentence(monkeypatch):
    from cutout.server import launch

    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="set CUTOUT_SERVER to waitress"):
        launch._server("gunicorn")

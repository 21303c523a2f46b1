"""Wrong files, folders that cannot be used, and two processes at once."""

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from weights_kit import CONTENT, empty_home, fetch, serving, tiny

from cutout.errors import WeightsCorrupt, WeightsUnavailable

ROOT = Path(__file__).parent.parent
FETCH = """
import sys
from pathlib import Path
from cutout.weights import ModelSpec, ensure
models = {"tiny": eval(sys.argv[1])}
print(ensure("tiny", models=models, models_dir=Path(sys.argv[2]), progress=False))
"""


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


def test_a_wrong_file_of_the_user_is_reported_and_not_touched(server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(b"my own")
    with pytest.raises(WeightsCorrupt, match=r"tiny\.onnx is not the published one") as caught:
        fetch(tiny(server), models_dir=folder)
    assert str(tmp_path) not in caught.value.detail
    assert (folder / "tiny.onnx").read_bytes() == b"my own"
    assert server.requested == []


def test_a_damaged_file_of_our_cache_is_fetched_again(server, home):
    path = fetch(tiny(server))
    path.write_bytes(CONTENT[:1000])
    assert fetch(tiny(server)) == path
    assert path.read_bytes() == CONTENT


def test_a_temporary_folder_replaces_a_home_that_cannot_be_written_to(
    server, tmp_path, monkeypatch, caplog
):
    blocked = tmp_path / "file"
    blocked.write_text("a home below a file can be made by nobody, root included")
    monkeypatch.setenv("HOME", str(blocked / "home"))
    path = fetch(tiny(server))
    assert path == tmp_path / f"cutout-models-{os.getuid()}" / "tiny.onnx"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "cannot write to" in caplog.text
    assert fetch(tiny(), download=False) == path


def test_the_cache_replaces_a_models_folder_that_cannot_be_written_to(
    server, home, tmp_path, caplog
):
    (tmp_path / "file").touch()
    wanted = tmp_path / "file" / "models"
    path = fetch(tiny(server), models_dir=wanted)
    assert path == home / ".cache/cutout/models/tiny.onnx"
    assert f"cannot write to {wanted}" in caplog.text
    assert fetch(tiny(server), models_dir=wanted) == path
    assert server.requested == ["/tiny.onnx"]


@pytest.mark.parametrize("kind", ["link", "open to all"])
def test_a_temporary_folder_that_another_user_prepared_is_not_trusted(
    server, tmp_path, monkeypatch, kind
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    prepared = tmp_path / "prepared"
    prepared.mkdir(mode=0o700)
    private = tmp_path / f"cutout-models-{os.getuid()}"
    if kind == "link":
        private.symlink_to(prepared)
    else:
        prepared.rename(private).chmod(0o777)
    with pytest.raises(WeightsUnavailable, match="not private to this user") as caught:
        fetch(tiny(server))
    assert str(tmp_path) not in caught.value.detail
    assert server.requested == []


def test_what_a_killed_process_left_is_removed(server, tmp_path):
    left = tmp_path / "models" / ".tiny.onnx.abc.part"
    left.mkdir(parents=True)
    (left / "tiny.onnx").write_bytes(CONTENT[:10])
    fetch(tiny(server), models_dir=tmp_path / "models")
    assert not left.exists()


def test_two_processes_download_once(server, tmp_path):
    """The server answers the first only after the second has said that it waits."""
    server.may_answer.clear()
    start = partial(
        subprocess.Popen,
        [sys.executable, "-c", FETCH, repr(tiny(server)), str(tmp_path / "models")],
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
        server.may_answer.set()
        printed = {process.stdout.read().strip() for process in (first, second)}
        for reader in readers:
            reader.join()
    assert waited
    assert (first.returncode, second.returncode) == (0, 0)
    assert printed == {str(tmp_path / "models" / "tiny.onnx")}
    assert server.requested == ["/tiny.onnx"]


def watch(stream, waiting):
    for line in stream:
        if "another process is downloading it" in line:
            waiting.set()

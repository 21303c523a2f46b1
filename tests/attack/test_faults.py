"""Faults around the running server: disk, kill, model, weights."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import requests
from conftest import image_bytes
from held_server import (
    MAX_WAIT_S,
    answer,
    form,
    head,
    held_server,
    status,
    until,
)
from test_slow import small_window

from cutout import weights
from cutout.errors import WeightsUnavailable
from cutout.runtimes import checksums


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@contextmanager
def small_disk(folder: Path, size: str):
    """A file system of its own that holds little. Skips where one may not be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small tmpfs needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def small_disks(tmp_path_factory):
    """A server with small disks for its files; the disks, by the setting that names them."""
    folder = tmp_path_factory.mktemp("disks")
    with ExitStack() as stack:
        arriving = stack.enter_context(small_disk(folder / "arriving", "512k"))
        names = "upload_dir", "result_dir"
        disks = {name: stack.enter_context(small_disk(folder / name, "512k")) for name in names}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(arriving))
            server = stack.enter_context(held_server(folder, **disks))
        yield server, disks


@pytest.mark.parametrize("which", ["upload_dir", "result_dir"])
def test_a_full_disk_is_a_507_and_leaves_no_parts(small_disks, disc_png, which):
    server, disks = small_disks
    disk = disks[which]
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(bytes(free - 8192))
    code, whole = answer(server.send(disc_png * 20 if which == "upload_dir" else disc_png))
    codes = [code]
    while code == 200 and len(codes) < 40:
        code, whole = answer(server.send(disc_png))
        codes.append(code)
    assert (code, b"storage_full" in whole) == (507, True)
    assert b"No space" not in whole
    assert not [name for name in files_in(disk) if name.endswith(".part")]
    (disk / "filler").unlink()
    assert status(server.send(disc_png)) == 200


@pytest.mark.parametrize("path, field", [("/remove-bg", "image"), ("/v1.0/removebg", "image_file")])
def test_a_body_that_the_disk_does_not_hold_while_it_arrives_is_a_507(
    small_disks, disc_png, path, field
):
    server, _ = small_disks
    address = server.running.address + path
    got = requests.post(address, files={field: ("a.png", disc_png + bytes(2_000_000))}, timeout=30)
    assert (got.status_code, "full" in got.text) == (507, True)
    small = {field: ("a.png", disc_png)}
    assert requests.post(address, files=small, timeout=30).status_code == 200


def test_a_read_only_file_system_is_a_507(small_disks, disc_png):
    server, disks = small_disks
    disk = str(disks["result_dir"])
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    code, whole = answer(server.send(disc_png))
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert (code, b"storage_failed" in whole) == (507, True)
    assert status(server.send(disc_png)) == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("faults"), cache_bytes=0) as server:
        yield server


def test_a_folder_that_vanishes_and_comes_back(server, disc_png):
    folder = server.folder / "results"
    assert status(server.send(disc_png)) == 200
    shutil.rmtree(folder)
    assert status(server.send(disc_png)) == 200
    assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was")
    code, whole = answer(server.send(disc_png))
    assert (code, b'"storage_failed"' in whole) == (507, True)
    assert str(server.folder).encode() not in whole
    folder.unlink()
    assert status(server.send(disc_png)) == 200
    assert b'"ready":true' in server.get("/readyz").replace(b" ", b"")


@pytest.mark.parametrize("fault, code", [("nan", 500), ("raise", 500)])
def test_a_model_that_fails_is_an_error_of_that_image_alone(server, disc_png, fault, code):
    (server.folder / "fault").write_text(fault)
    assert status(server.send(disc_png)) == code
    (server.folder / "fault").write_text("")
    assert status(server.send(disc_png)) == 200


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_a_507(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        (tmp_path / "results").chmod(0o500)
        code, whole = answer(server.send(disc_png))
        (tmp_path / "results").chmod(0o700)
    assert (code, b"storage_failed" in whole) == (507, True)


def kill_worker(server, disc_png: bytes, pause_s: float) -> list[str]:
    """Ids of what was answered with 200 at the kill: it is there afterwards, whole."""
    before, ids = server.worker, []
    links = [server.send(disc_png) for _ in range(4)]
    time.sleep(pause_s)
    os.kill(before, signal.SIGKILL)
    answered = []
    for link in links:
        with suppress(OSError):
            answered.append(answer(link))
    until(lambda: server.worker != before, lambda: server.running.log)
    server.running.wait_until_ready()
    for code, whole in answered:
        if code == 200 and b"X-Cutout-Id: " in whole:
            ids.append(id_of(whole))
            body = whole.partition(b"\r\n\r\n")[2]
            assert server.get(f"/results/{ids[-1]}")[: len(body)] == body
    return ids


def id_of(whole: bytes) -> str:
    return whole.partition(b"X-Cutout-Id: ")[2][:32].decode()


def kill_master(server) -> None:
    """The worker ends with it."""
    worker = server.worker
    server.running.process.kill()
    server.running.process.wait(MAX_WAIT_S)
    until(lambda: not os.path.exists(f"/proc/{worker}"))


def all_there(server, ids: list[str]) -> None:
    """Each can be fetched, and nothing unfinished lies beside them."""
    for name in ids:
        assert server.get(f"/results/{name}").startswith(b"\x89PNG")
    assert not [name for name in files_in(server.folder / "results") if name.endswith(".part")]


def answered_id(server, disc_png: bytes) -> str:
    code, whole = answer(server.send(disc_png))
    assert code == 200
    return id_of(whole)


def test_after_a_kill_of_worker_or_master_all_that_was_answered_is_there(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        ids = [answered_id(server, disc_png), *kill_worker(server, disc_png, pause_s=0.02)]
        ids.append(answered_id(server, disc_png))
        kill_master(server)
    with held_server(tmp_path) as server:
        ids.append(answered_id(server, disc_png))
        all_there(server, ids)


@pytest.mark.attack
def test_fifty_killed_workers(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        ids = []
        for turn in range(50):
            ids += kill_worker(server, disc_png, 0.002 * (turn % 20))
            ids.append(answered_id(server, disc_png))
        all_there(server, ids)


@pytest.mark.attack
def test_fifty_killed_masters(tmp_path, disc_png):
    """Each while four images are inside; the next start serves what was answered before."""
    ids = []
    for turn in range(50):
        with held_server(tmp_path) as server:
            all_there(server, ids)
            ids.append(answered_id(server, disc_png))
            links = [server.send(disc_png) for _ in range(4)]
            time.sleep(0.002 * (turn % 20))
            kill_master(server)
            for link in links:
                link.close()


def test_sigterm_with_requests_in_every_stage(tmp_path, disc_png):
    """Each state is proven before the signal; then all that was admitted is answered, and it ends.

    In turn: the answer is being sent, the image is in the model, waits for a place, its body is
    still being read.
    """
    noise = np.random.default_rng(0).integers(120, 255, (1500, 1500, 3), np.uint8)
    with held_server(tmp_path, deadline_s=10, workers=1) as server, ExitStack() as held:
        sending = small_window(server)
        sending.sendall(posted(image_bytes(noise, "JPEG")))
        assert sending.recv(12) == b"HTTP/1.1 200"
        held.enter_context(server.held())
        in_model = server.raw(posted(disc_png))
        until(lambda: server.seen == 2)
        waiting = server.raw(posted(disc_png))
        server.until(lambda load: load["inside"] == 2)
        reading = server.raw(posted(disc_png)[:-100])
        start = time.monotonic()
        server.running.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in server.running.log)
        with suppress(OSError):
            reading.sendall(posted(disc_png)[-100:])
        assert status(reading) in (0, 503)
        held.close()
        assert [status(in_model), status(waiting)] == [200, 200]
        answered = b""
        with sending:
            while piece := sending.recv(1 << 20):
                answered += piece
        assert len(answered) > 1e6
        assert server.running.process.wait(MAX_WAIT_S) == 0
        assert time.monotonic() - start < 15


def posted(data: bytes) -> bytes:
    body = form(data)
    return head(f"Content-Length: {len(body)}") + body


@pytest.mark.weights
@pytest.mark.parametrize("tenth", range(11))
def test_weights_damaged_at_every_tenth_are_refused(tmp_path, u2netp_path, tenth):
    """One byte changed, or cut there."""
    folder = tmp_path / "models"
    folder.mkdir()
    data = bytearray(u2netp_path.read_bytes())
    at = min(len(data) - 1, len(data) * tenth // 10)
    copies = [bytes(data[:at]), bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])]
    for copy in copies:
        (folder / u2netp_path.name).write_bytes(copy)
        with pytest.raises(WeightsUnavailable):
            weights.ensure("u2netp", models_dir=folder, download=False)


@pytest.mark.parametrize("tenth", range(11))
def test_derived_files_damaged_at_every_tenth_are_made_again(tmp_path, tenth):
    path, data = tmp_path / "graph.onnx", os.urandom(1000)
    checksums.write_derived(path, data)
    checksums.write_checksum(path)
    at = min(len(data) - 1, len(data) * tenth // 10)
    assert checksums.verify_checksum(path)
    for copy in (data[:at], data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]):
        path.write_bytes(copy)
        assert not checksums.verify_checksum(path)

"""Faults around the running server: disk, kill, model, weights."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from held_server import (
    MAX_WAIT_S,
    answer,
    form,
    head,
    held_server,
    prepared_server,
    status,
    until,
)
from test_slow import small_window

from cutout import weights
from cutout.errors import WeightsUnavailable
from cutout.runtimes import checksums


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def results(folder: Path) -> set[str]:
    """Ids of which both result and record are there."""
    names = files_in(folder)
    return {name[:-5] for name in names if name.endswith(".json") and f"{name[:-5]}.png" in names}


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


@pytest.mark.parametrize("which", ["upload_dir", "result_dir"])
def test_a_full_disk_is_a_507_and_leaves_no_parts(tmp_path, disc_png, which):
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "filler").write_bytes(bytes(60_000))
        with held_server(tmp_path, **{which: disk}) as server:
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


def test_a_folder_that_vanishes_and_comes_back(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        assert status(server.send(disc_png)) == 200
        shutil.rmtree(tmp_path / "results")
        code, whole = answer(server.send(disc_png))
        assert code == 200
        assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700
        shutil.rmtree(tmp_path / "results")
        (tmp_path / "results").write_text("a file where the folder was")
        code, whole = answer(server.send(disc_png))
        assert (code, b'"storage_failed"' in whole) == (507, True)
        assert str(tmp_path).encode() not in whole
        (tmp_path / "results").unlink()
        assert status(server.send(disc_png)) == 200
        assert b'"ready":true' in server.get("/readyz").replace(b" ", b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_a_507(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        (tmp_path / "results").chmod(0o500)
        code, whole = answer(server.send(disc_png))
        (tmp_path / "results").chmod(0o700)
    assert (code, b"storage_failed" in whole) == (507, True)


def test_a_read_only_file_system_is_a_507(tmp_path, disc_png):
    with (
        small_disk(tmp_path / "disk", "4m") as disk,
        held_server(tmp_path, result_dir=disk) as server,
    ):
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, whole = answer(server.send(disc_png))
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert (code, b"storage_failed" in whole) == (507, True)
        assert status(server.send(disc_png)) == 200


def kill_workers(folder: Path, disc_png: bytes, turns: int) -> None:
    """What was answered with 200 is there after every kill, whole; the next one is served."""
    with held_server(folder) as server:
        for turn in range(turns):
            before = server.worker
            links = [server.send(disc_png) for _ in range(4)]
            time.sleep(0.002 * (turn % 20))
            os.kill(before, signal.SIGKILL)
            answered = []
            for link in links:
                with suppress(OSError):
                    answered.append(answer(link))
            until(lambda pid=before: server.worker != pid, lambda: server.running.log)
            server.running.wait_until_ready()
            for code, whole in answered:
                if code == 200 and b"X-Cutout-Id: " in whole:
                    name = whole.partition(b"X-Cutout-Id: ")[2][:32].decode()
                    body = whole.partition(b"\r\n\r\n")[2]
                    assert server.get(f"/results/{name}")[: len(body)] == body
            assert status(server.send(disc_png)) == 200
        assert results(folder / "results")
        assert not [name for name in files_in(folder / "results") if name.endswith(".part")]


def test_a_killed_worker_is_replaced_and_loses_nothing_that_was_answered(tmp_path, disc_png):
    kill_workers(tmp_path, disc_png, 2)


@pytest.mark.attack
def test_fifty_killed_workers(tmp_path, disc_png):
    kill_workers(tmp_path, disc_png, 50)


def kill_master(folder: Path, disc_png: bytes) -> None:
    with held_server(folder) as server:
        worker = server.worker
        assert status(server.send(disc_png)) == 200
        server.running.process.kill()
        server.running.process.wait(MAX_WAIT_S)
        until(lambda: not os.path.exists(f"/proc/{worker}"))


def test_the_worker_of_a_killed_master_ends_and_the_next_start_serves(tmp_path, disc_png):
    kill_master(tmp_path, disc_png)
    kept = results(tmp_path / "results")
    assert len(kept) == 1
    with held_server(tmp_path) as server:
        (name,) = kept
        assert server.get(f"/results/{name}").startswith(b"\x89PNG")
        assert status(server.send(disc_png)) == 200


@pytest.mark.attack
@pytest.mark.parametrize("turn", range(10))
def test_killed_masters(tmp_path, disc_png, turn):
    kill_master(tmp_path, disc_png)


STAGES = ("reading the body", "waiting for a place", "in the model", "sending the answer")


@pytest.mark.parametrize("stage", STAGES)
def test_sigterm_in_every_stage(tmp_path, stage, disc_png):
    """The state is proven before the signal; then everything admitted is answered, and it ends."""
    noise = np.random.default_rng(0).integers(120, 255, (1500, 1500, 3), np.uint8)
    data = image_bytes(noise, "JPEG") if stage == "sending the answer" else disc_png
    with held_server(tmp_path, deadline_s=10, workers=1) as server, ExitStack() as held:
        body = form(data)
        whole = head(f"Content-Length: {len(body)}") + body
        if stage == "reading the body":
            link = server.raw(whole[:-100])
        elif stage == "sending the answer":
            link = small_window(server)
            link.sendall(whole)
            assert link.recv(12) == b"HTTP/1.1 200"
        else:
            held.enter_context(server.held())
            first = server.raw(whole)
            until(lambda: server.seen == 1)
            link = server.raw(whole) if stage == "waiting for a place" else first
            server.until(lambda load: load["inside"] == 1 + (link is not first))
        start = time.monotonic()
        server.running.process.send_signal(signal.SIGTERM)
        until(lambda: b"stopping" in server.running.log.encode())
        held.close()
        if stage == "reading the body":
            with suppress(OSError):
                link.sendall(whole[-100:])
            assert status(link) in (0, 503)
        elif stage == "sending the answer":
            answered = b""
            with link:
                while piece := link.recv(1 << 20):
                    answered += piece
            assert len(answered) > 1e6
        else:
            for one in {link, first}:
                assert status(one) == 200
        assert server.running.process.wait(MAX_WAIT_S) == 0
        assert time.monotonic() - start < 15


@pytest.mark.parametrize("fault, code", [("nan", 500), ("raise", 500)])
def test_a_model_that_fails_is_an_error_of_that_image_alone(tmp_path, disc_png, fault, code):
    with held_server(tmp_path, cache_bytes=0) as server:
        (tmp_path / "fault").write_text(fault)
        assert status(server.send(disc_png)) == code
        (tmp_path / "fault").write_text("")
        assert status(server.send(disc_png)) == 200


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


def test_a_server_that_is_still_loading_answers_after_it_has_loaded(tmp_path):
    with prepared_server(tmp_path) as server:
        server.running.wait_until_ready()
        with urllib.request.urlopen(server.running.address + "/readyz", timeout=10) as got:
            assert got.status == 200

"""Ids, records, expiry, leftovers of a crash, foreign files, permissions, quota."""

import errno
import json
import os
import stat
import subprocess
import sys
import time

import pytest

from cutout import settings
from cutout.errors import NotFound, StorageFull
from cutout.storage import SUFFIXES, Storage

ID = "0123456789abcdef" * 2
PART = f".{ID}.png.0123abcd.part"
FOREIGN = ["photo.jpg", f"{ID}.txt", f"{ID}.png.bak", f"x{ID}.png", ID.upper() + ".png", ".env"]
OLD = (time.time() - 1000,) * 2


@pytest.fixture
def storage(tmp_path):
    storage = Storage(tmp_path / "uploads", tmp_path / "results", keep_s=100, quota_bytes=1000)
    storage.open()
    yield storage
    storage.close()


def reopened(storage) -> Storage:
    """The next run of the server on the same folders."""
    storage.close()
    again = Storage(storage.upload_dir, storage.result_dir, storage.keep_s, storage.quota_bytes)
    again.open()
    return again


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def put(storage, data=b"result"):
    name = storage.save_upload(b"upload", "png")
    storage.save_result(name, data, {"file": f"{name}.png", "quality": {}})
    return name


def test_a_result_comes_back_with_its_record(storage):
    name = put(storage)
    stored = storage.load(name)
    assert (b"".join(stored), stored.size_bytes) == (b"result", 6)
    assert stored.record["file"] == f"{name}.png"


def test_ids_are_random_and_long(storage):
    ids = {storage.save_upload(b"x", "png") for _ in range(50)}
    assert len(ids) == 50
    assert {len(name) for name in ids} == {32}


@pytest.mark.parametrize("kind", settings.FORMATS)
def test_every_format_of_an_upload_is_known_to_the_sweeper(kind):
    assert kind.lower() in SUFFIXES


def test_a_suffix_that_the_sweeper_does_not_know_is_never_written(storage):
    with pytest.raises(ValueError, match="exe"):
        storage.save_upload(b"x", "exe")


@pytest.mark.parametrize(
    "name", ["0" * 32, "../../etc/passwd", "..", "", "A" * 32, "0" * 32 + "\n"]
)
def test_a_strange_id_is_not_found_and_reaches_no_file(storage, name):
    with pytest.raises(NotFound):
        storage.load(name)
    with pytest.raises(NotFound):
        storage.delete(name)


def test_delete_forgets_upload_result_and_record(storage):
    name = put(storage)
    storage.delete(name)
    assert not list(storage.upload_dir.iterdir())
    assert not list(storage.result_dir.iterdir())
    with pytest.raises(NotFound):
        storage.load(name)


def test_old_files_expire_and_young_ones_and_gitkeep_stay(storage):
    old, young = put(storage), put(storage)
    (storage.result_dir / ".gitkeep").touch()
    for path in [*storage.result_dir.glob("*"), *storage.upload_dir.glob("*")]:
        if old in path.name or path.name == ".gitkeep":
            os.utime(path, (time.time() - 101,) * 2)
    assert storage.sweep() == 3
    assert (storage.result_dir / ".gitkeep").exists()
    assert b"".join(storage.load(young)) == b"result"
    with pytest.raises(NotFound):
        storage.load(old)


def test_a_full_quota_refuses_and_deleting_makes_room(storage):
    name = put(storage, b"x" * 600)
    with pytest.raises(StorageFull):
        storage.save_upload(b"y" * 600, "png")
    storage.delete(name)
    assert storage.save_upload(b"y" * 600, "png")


def test_a_full_disk_is_named_and_leaves_no_part_and_no_used_quota(storage, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageFull, match="disk is full"):
        patch.setattr(os, "replace", full)
        storage.save_upload(b"x" * 600, "png")
    assert not list(storage.upload_dir.iterdir())
    assert storage.save_upload(b"x" * 600, "png")


def test_a_disk_without_room_is_named(tmp_path):
    """A real one: a file system of 16 kB."""
    script = (
        "from pathlib import Path; from cutout.storage import Storage\n"
        "from cutout.errors import StorageFull\n"
        f"storage = Storage(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}))\n"
        "storage.open()\n"
        "try: storage.save_upload(bytes(100_000), 'png')\n"
        "except StorageFull as error: print(error.code, len(list(storage.upload_dir.iterdir())))\n"
    )
    mount = f"mount -t tmpfs -o size=16k none {tmp_path} && exec {sys.executable} -c "
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f'{mount} "$1"', "sh", script],
        cwd=settings.ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if "unshare" in run.stderr or "mount" in run.stderr:
        pytest.skip(f"no file system can be mounted here: {run.stderr.strip()}")
    assert (run.stdout.strip(), run.returncode) == ("storage_full 0", 0), run.stderr


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_not_ours_stay_however_old(storage, name):
    for folder in (storage.upload_dir, storage.result_dir):
        (folder / name).write_text("foreign")
        os.utime(folder / name, OLD)
    storage = reopened(storage)
    assert storage.sweep() == 0
    assert names(storage.upload_dir) == names(storage.result_dir) == {name}


def test_folders_and_links_are_passed_over_even_under_names_of_ours(storage, tmp_path):
    (storage.result_dir / "album").mkdir()
    (storage.result_dir / f"{ID}.png").mkdir()
    (tmp_path / "elsewhere").write_text("foreign")
    (storage.upload_dir / f"{ID}.png").symlink_to(tmp_path / "elsewhere")
    os.utime(storage.upload_dir / f"{ID}.png", OLD, follow_symlinks=False)
    storage = reopened(storage)
    assert storage.sweep() == 0
    assert names(storage.result_dir) == {"album", f"{ID}.png"}
    assert names(storage.upload_dir) == {f"{ID}.png"}


def test_an_entry_that_cannot_be_deleted_is_logged_and_the_next_ones_go(
    storage, monkeypatch, caplog
):
    first, second = put(storage), put(storage)
    for path in [*storage.result_dir.iterdir(), *storage.upload_dir.iterdir()]:
        os.utime(path, OLD)
    unlink = os.unlink

    def refuse(path):
        if first in str(path):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path)

    monkeypatch.setattr(os, "unlink", refuse)
    assert storage.sweep() == 3
    assert not [name for name in names(storage.result_dir) if second in name]
    assert f"{first}.json cannot be deleted (Operation not permitted)" in caplog.text


def test_a_folder_that_vanished_is_logged_and_the_sweep_goes_on(storage, caplog):
    old = put(storage)
    os.utime(storage.result_dir / f"{old}.json", OLD)
    storage.upload_dir.rename(storage.upload_dir.with_name("moved"))
    assert storage.sweep() == 1
    assert "'uploads' cannot be listed" in caplog.text


def test_the_last_sweep_tells_when_it_was_and_what_it_removed(storage):
    name = put(storage, b"x" * 10)
    os.utime(storage.upload_dir / f"{name}.png", OLD)
    before = time.time()
    storage.sweep()
    assert before <= storage.last_sweep.ended_s <= time.time()
    record = (storage.result_dir / f"{name}.json").stat().st_size
    assert (storage.last_sweep.removed, storage.last_sweep.kept_bytes) == (1, 10 + record)


def test_what_a_crash_left_goes_at_the_next_start_and_finished_results_stay(storage):
    kept = put(storage)
    orphan = storage.save_upload(b"upload without a result", "png")
    (storage.result_dir / f"{orphan}.png").write_bytes(b"a result without its record")
    (storage.result_dir / f".{orphan}.json.0123abcd.part").write_bytes(b"{")
    storage = reopened(storage)
    assert names(storage.upload_dir) == {f"{kept}.png"}
    assert names(storage.result_dir) == {f"{kept}.png", f"{kept}.json"}


def test_another_servers_images_in_work_stay_at_the_start(storage):
    in_work = storage.save_upload(b"its result comes later", "png")
    (storage.result_dir / PART).write_bytes(b"being written")
    second = Storage(storage.upload_dir, storage.result_dir)
    second.open()
    second.close()
    assert names(storage.upload_dir) == {f"{in_work}.png"}
    assert names(storage.result_dir) == {PART}


def test_both_settings_may_name_the_same_folder(tmp_path):
    storage = Storage(tmp_path, tmp_path)
    storage.open()
    (tmp_path / PART).write_bytes(b"x")
    storage = reopened(storage)
    storage.close()
    assert names(tmp_path) == set()


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"file": "ID.png"}',
    b'{"file": 7, "quality": {}}',
    b'{"file": "../uploads/ID.png", "quality": {}}',
    b'{"file": "/etc/hostname", "quality": {}}',
    b'{"file": "ID.json", "quality": {}}',
    b'{"file": ".ID.png.0123abcd.part", "quality": {}}',
    b'{"file": "' + b"f" * 32 + b'.png", "quality": {}}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_not_found_and_reaches_no_other_file(storage, text):
    name = put(storage)
    (storage.result_dir / ("f" * 32 + ".png")).write_bytes(b"somebody else's")
    (storage.result_dir / f"{name}.json").write_bytes(text.replace(b"ID", name.encode()))
    with pytest.raises(NotFound):
        storage.load(name)
    storage.delete(name)
    assert names(storage.result_dir) == {"f" * 32 + ".png"}


def test_only_the_owner_may_read(storage):
    name = put(storage)
    for path in (storage.upload_dir, storage.result_dir):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    assert json.loads((storage.result_dir / f"{name}.json").read_text())["file"] == f"{name}.png"


def test_permissions_of_a_folder_that_exists_are_left_as_they_are(tmp_path):
    tmp_path.chmod(0o755)
    storage = Storage(tmp_path, tmp_path)
    storage.open()
    storage.close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755

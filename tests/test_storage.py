"""Atomic writes, ids, expiry, quota."""

import errno
import os
import time

import pytest

from cutout.errors import NotFound, StorageFull
from cutout.storage import Storage


@pytest.fixture
def storage(tmp_path):
    storage = Storage(tmp_path / "uploads", tmp_path / "results", keep_s=100, quota_bytes=1000)
    storage.open()
    yield storage
    storage.close()


def put(storage, data=b"result"):
    name = storage.save_upload(b"upload", "png")
    storage.save_result(name, data, {"file": f"{name}.png", "quality": {}})
    return name


def test_a_result_comes_back_with_its_record(storage):
    name = put(storage)
    stored = storage.load(name)
    assert stored.data == b"result"
    assert stored.record["file"] == f"{name}.png"


def test_ids_are_random_and_long(storage):
    names = {storage.save_upload(b"x", "png") for _ in range(50)}
    assert len(names) == 50
    assert {len(name) for name in names} == {32}


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
    assert storage.load(young).data == b"result"
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

"""Whole files on disk: written atomically, parts known by their names, hashes."""

import hashlib
import os
import resource
from contextlib import contextmanager

import pytest

from cutout.files import final_name, hash_of, write_atomically


@contextmanager
def file_size_limit(size_bytes):
    """Writing more than this into a file fails in the kernel, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("fsync", [False, True])
def test_the_file_is_whole_and_nothing_lies_beside_it(tmp_path, fsync):
    write_atomically(tmp_path / "a.png", b"old", fsync=fsync)
    write_atomically(tmp_path / "a.png", b"new one", fsync=fsync)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"new one"


@pytest.mark.parametrize("existed", [False, True])
def test_a_write_that_fails_halfway_keeps_the_old_file_and_leaves_no_part(tmp_path, existed):
    target = tmp_path / "a.png"
    if existed:
        write_atomically(target, b"old")
    with file_size_limit(100), pytest.raises(OSError, match="File too large"):
        write_atomically(target, bytes(10_000))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"] * existed


def test_a_final_name_that_is_a_folder_fails_and_leaves_no_part(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "a.png", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_permissions_are_those_asked_for(tmp_path, mode):
    before = os.umask(0)
    try:
        write_atomically(tmp_path / "a", b"", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_a_part_tells_the_name_of_its_file(tmp_path, monkeypatch):
    parts = []
    monkeypatch.setattr(os, "replace", lambda part, _: parts.append(part.name))
    write_atomically(tmp_path / "a.b.png", b"data")
    assert [final_name(part) for part in parts] == ["a.b.png"]


@pytest.mark.parametrize("name", ["a.png", ".a.png.part", "a.png.0123abcd.part", ".a.xyz.part", ""])
def test_other_names_are_no_parts(name):
    assert final_name(name) is None


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_the_hash_is_that_of_the_whole_file(tmp_path, kind):
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    assert hash_of(tmp_path / "a", kind) == hashlib.new(kind, data).hexdigest()

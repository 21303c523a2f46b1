"""Which files of a watched folder are complete and new."""

import os

import pytest

from cutout.cli.jobs import Job
from cutout.cli.watch import watch


@pytest.fixture
def poll(tmp_path):
    """Poll the folder after an action: the names that are ready."""
    actions = []

    def find():
        return [Job(path, path.with_suffix(".out")) for path in sorted(tmp_path.glob("*.jpg"))]

    rounds = watch(find, pause=lambda seconds: [action() for action in actions])

    def next_poll(action=lambda: None):
        actions[:] = [action]
        return [job.image.name for job in next(rounds)]

    return next_poll


def test_a_file_is_ready_when_two_polls_agree_and_only_once(tmp_path, poll):
    (tmp_path / "a.jpg").write_bytes(b"1")
    assert [poll() for _ in range(4)] == [[], ["a.jpg"], [], []]


def test_a_file_that_still_grows_is_not_ready(tmp_path, poll):
    path = tmp_path / "a.jpg"

    def grow():
        path.write_bytes(b"1" * (path.stat().st_size + 1 if path.exists() else 1))

    assert poll() == []
    assert [poll(grow) for _ in range(3)] == [[], [], []]
    assert poll() == ["a.jpg"]


def test_a_file_of_equal_size_that_is_rewritten_is_not_ready(tmp_path, poll):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    assert poll() == []
    assert poll(lambda: os.utime(path, ns=(1, 1))) == []
    assert poll() == ["a.jpg"]


def test_a_file_that_changes_later_is_ready_again(tmp_path, poll):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    assert [poll(), poll()] == [[], ["a.jpg"]]
    assert [poll(lambda: path.write_bytes(b"22")), poll()] == [[], ["a.jpg"]]


def test_a_file_that_vanishes_and_returns_is_ready_again(tmp_path, poll):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    assert [poll(), poll(), poll(path.unlink)] == [[], ["a.jpg"], []]
    assert [poll(lambda: path.write_bytes(b"1")), poll()] == [[], ["a.jpg"]]

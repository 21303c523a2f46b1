"""`cutout bulk` as a command: its options, its exit status, and what kill -9 leaves."""

import os

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is in requirements-bulk.txt")

from bulk_kit import draw_images, finish, manifest, results, start, wait_for_results


@pytest.fixture
def run(app):
    def invoke(*words):
        return app.test_cli_runner().invoke(args=["cutout", "bulk", *map(str, words)])

    return invoke


def test_a_folder_is_done_and_then_skipped(run, tmp_path):
    draw_images(tmp_path / "in", 3)
    first, second = (run(tmp_path / "in", tmp_path / "out") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert "3 done, 0 failed in this run" in first.output
    assert "0 done, 0 failed in this run; 3 done, 0 failed in all" in second.output


def test_failed_images_make_the_exit_status_1(run, tmp_path):
    draw_images(tmp_path / "in", 1)
    (tmp_path / "in/bad.jpg").write_bytes(b"bad")
    assert run(tmp_path / "in", tmp_path / "out").exit_code == 1


def test_a_folder_without_images_says_so(run, tmp_path):
    (tmp_path / "in").mkdir()
    result = run(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "no image" in result.output


def test_a_source_that_is_missing_is_named(run, tmp_path):
    result = run(tmp_path / "missing", tmp_path / "out")
    assert result.exit_code == 1
    assert "missing" in result.output
    assert "Traceback" not in result.output


def test_options_are_those_of_remove(run, tmp_path, disc_png):
    draw_images(tmp_path / "in", 1)
    words = "--format", "jpeg", "--background", "white"
    assert run(tmp_path / "in", tmp_path / "out", *words).exit_code == 0
    assert (tmp_path / "out/a/0000.png.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_wrong_option_is_named_and_nothing_is_written(run, tmp_path):
    draw_images(tmp_path / "in", 1)
    result = run(tmp_path / "in", tmp_path / "out", "--matting", "best")
    assert result.exit_code == 1
    assert "'matting'" in result.output
    assert not (tmp_path / "out").exists()


def test_another_background_image_is_another_job(run, tmp_path, disc_png, disc_mask):
    draw_images(tmp_path / "in", 1)
    for name, data in (("a", disc_png), ("b", disc_mask)):
        (tmp_path / name).write_bytes(data)
    places = tmp_path / "in", tmp_path / "out", "--background-image"
    assert run(*places, tmp_path / "a").exit_code == 0
    assert "another background image" in run(*places, tmp_path / "b").output
    assert run(*places, tmp_path / "b", "--restart").exit_code == 0


@pytest.mark.weights
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_job_is_continued_and_nothing_is_lost(tmp_path, u2netp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    keys = draw_images(source, 24, side=64)
    process = start(source, target)
    wait_for_results(process, target, 3)
    process.kill()
    process.communicate()
    before = results(target)
    assert 3 <= len(before) < 24
    finish(start(source, target))
    assert sorted(manifest(target)) == sorted(keys)
    after = results(target)
    assert len(after) == 24
    assert before.items() <= after.items()

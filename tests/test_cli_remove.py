"""`cutout remove` on files, folders and streams, with a stand-in model."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image

from cutout.cli.jobs import Job, find_jobs
from cutout.cli.remove import run_jobs


@pytest.fixture
def run(app):
    def invoke(*words, input=None):
        return app.test_cli_runner().invoke(args=["cutout", *map(str, words)], input=input)

    return invoke


@pytest.fixture
def folder(tmp_path, disc_png, disc):
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    (source / "a.png").write_bytes(disc_png)
    (source / "a.jpg").write_bytes(image_bytes(disc, "JPEG"))
    (source / "deep" / "b.webp").write_bytes(image_bytes(disc, "WEBP"))
    (source / "notes.txt").write_text("no image")
    return source


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_file(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    assert run("remove", tmp_path / "a.png", tmp_path / "out.png").exit_code == 0
    assert np.asarray(Image.open(tmp_path / "out.png")).shape == (120, 160, 4)


def test_a_folder_keeps_its_structure_and_no_result_replaces_another(run, folder, tmp_path):
    result = run("remove", folder, tmp_path / "out")
    assert (result.exit_code, names(tmp_path / "out")) == (
        0,
        ["a.jpg.png", "a.png.png", "deep/b.png"],
    )


def test_finished_images_are_skipped(run, folder, tmp_path):
    run("remove", folder, tmp_path / "out")
    (tmp_path / "out" / "deep" / "b.png").unlink()
    assert "1 done, 2 skipped, 0 failed" in run("remove", folder, tmp_path / "out").output


def test_unreadable_files_are_listed_and_the_rest_is_done(run, folder, tmp_path):
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    result = run("remove", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert "3 done, 0 skipped, 1 failed" in result.output
    assert "bad.jpg" in result.output
    assert "bad.png" not in names(tmp_path / "out")


def test_a_folder_without_images_is_an_error(run, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run("remove", tmp_path / "empty", tmp_path / "out")
    assert (result.exit_code, "no image in the source" in result.output) == (1, True)


def test_flags_are_the_fields_of_the_service(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    (tmp_path / "out").mkdir()
    words = ["--background", "red", "--format", "jpeg", "--max-size", "80"]
    result = run("remove", tmp_path / "a.png", tmp_path / "out", *words)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out" / "a.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (80, 60))


def test_a_wrong_flag_is_named(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", tmp_path / "out.png", "--matting", "fba")
    assert result.exit_code == 2
    assert "matting" in result.output


@pytest.mark.parametrize("name, kind", [("o.png", "PNG"), ("o.webp", "WEBP"), ("o.JPG", "JPEG")])
def test_the_suffix_of_the_target_decides_the_format(run, tmp_path, disc_png, name, kind):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", tmp_path / name, "--background", "white")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / name) as image:
        assert image.format == kind


@pytest.mark.parametrize(
    "name, words, message",
    [
        ("o.jpg", (), "'o.jpg': JPEG has no transparency"),
        ("o.jpg", ("--format", "png"), "'o.jpg' is a name for jpeg, but the format asked for is"),
        ("o.gif", (), "use one of .png, .webp, .jpg, .jpeg"),
        ("o", (), "'o' is no folder, and its suffix names no format"),
        ("o.png", ("--format", "gif"), "format"),
        ("a.png", (), "would replace 'a.png'"),
    ],
)
def test_a_wrong_target_is_refused_before_work(
    run, app, tmp_path, disc_png, monkeypatch, name, words, message
):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", tmp_path / name, *words)
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert names(tmp_path) == ["a.png"]
    assert app.extensions["cutout"].model.calls == []


@pytest.mark.parametrize("target", ["in/out", "in/deep/out", "in/../in/out"])
def test_results_inside_the_source_are_not_taken_as_images(run, folder, tmp_path, target):
    assert "3 done" in run("remove", folder, tmp_path / target).output
    again = run("remove", folder, tmp_path / target)
    assert "0 done, 3 skipped, 0 failed" in again.output
    assert len(names((tmp_path / target).resolve())) == 3


def test_relative_folders_inside_each_other(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "3 done" in run("remove", ".", "out").output
    assert "0 done, 3 skipped" in run("remove", ".", "out").output


def test_a_target_among_the_images_is_refused(run, folder, tmp_path):
    before = names(tmp_path)
    result = run("remove", folder, folder)
    assert (result.exit_code, "among the images" in result.output) == (2, True)
    (folder / "in").mkdir()
    (folder / "in" / "c.png").write_bytes((folder / "a.png").read_bytes())
    assert run("remove", folder, tmp_path).exit_code == 2
    assert names(tmp_path) == sorted([*before, "in/in/c.png"])


def test_a_folder_into_a_file_is_refused(run, folder, tmp_path):
    (tmp_path / "file").write_text("")
    result = run("remove", folder, tmp_path / "file")
    assert (result.exit_code, "'file' is a file" in result.output) == (2, True)


def test_no_two_images_share_a_result(tmp_path):
    for name in ("a.jpg", "a.png", "a.jpg.webp", "b.png"):
        (tmp_path / name).write_bytes(b"")
    jobs = find_jobs(tmp_path, tmp_path / "out", "png")
    assert {job.image.name: job.result.name for job in jobs} == {
        "a.jpg": "a.jpg.png",
        "a.png": "a.png.png",
        "a.jpg.webp": "a.jpg.webp.png",
        "b.png": "b.png",
    }


def test_standard_input_becomes_standard_output(run, disc_png):
    result = run("remove", "-", "-", input=disc_png)
    assert result.exit_code == 0
    assert np.asarray(Image.open(io.BytesIO(result.stdout_bytes))).shape == (120, 160, 4)


def test_options_apply_to_streams(run, disc_png, tmp_path):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", "-", "--output", "mask", "--format", "webp")
    assert Image.open(io.BytesIO(result.stdout_bytes)).format == "WEBP"
    run("remove", "-", tmp_path / "o.jpg", "--background", "red", input=disc_png)
    assert Image.open(io.BytesIO((tmp_path / "o.jpg").read_bytes())).format == "JPEG"


def test_a_stream_that_is_no_image_fails_with_one_sentence(run):
    result = run("remove", "-", "-", input=b"no image")
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize("words", [("{in}", "-"), ("-", "{in}")])
def test_a_stream_and_a_folder_do_not_go_together(run, folder, words):
    result = run("remove", *(word.format(**{"in": folder}) for word in words), input=b"")
    assert (result.exit_code, "the other must be a file or -" in result.output) == (2, True)


def test_watching_needs_a_folder(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", tmp_path / "o.png", "--watch")
    assert (result.exit_code, "--watch needs a folder" in result.output) == (2, True)


def test_progress_counts_images_as_they_end():
    jobs = [Job(Path(name), Path(name)) for name in ("slow", "quick")]
    quick_is_counted = threading.Event()

    def work(job):
        assert job.image.name == "quick" or quick_is_counted.wait(30)

    done = run_jobs(work, jobs, threads=2)
    assert next(done) == (jobs[1], None)
    quick_is_counted.set()
    assert list(done) == [(jobs[0], None)]


def test_an_interruption_leaves_the_remaining_images_undone():
    jobs = [Job(Path(str(number)), Path(str(number))) for number in range(100)]
    begun, go_on = [], threading.Event()

    def work(job):
        begun.append(job)
        assert len(begun) == 1 or go_on.wait(30)

    done = run_jobs(work, jobs, threads=1)
    next(done)
    go_on.set()
    done.close()
    assert len(begun) < len(jobs)

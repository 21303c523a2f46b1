"""`flask --app app cutout remove`."""

import numpy as np
import pytest
from conftest import picture_bytes
from PIL import Image


@pytest.fixture
def run(app):
    return lambda *words: app.test_cli_runner().invoke(args=["cutout", *map(str, words)])


@pytest.fixture
def folder(tmp_path, disc_png, disc):
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    (source / "a.png").write_bytes(disc_png)
    (source / "a.jpg").write_bytes(picture_bytes(disc, "JPEG"))
    (source / "deep" / "b.webp").write_bytes(picture_bytes(disc, "WEBP"))
    (source / "notes.txt").write_text("no picture")
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


def test_what_is_done_is_skipped(run, folder, tmp_path):
    run("remove", folder, tmp_path / "out")
    (tmp_path / "out" / "deep" / "b.png").unlink()
    assert "1 done, 2 skipped, 0 broken" in run("remove", folder, tmp_path / "out").output


def test_broken_files_are_listed_and_the_rest_is_done(run, folder, tmp_path):
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    result = run("remove", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert "3 done, 0 skipped, 1 broken" in result.output
    assert "bad.jpg" in result.output
    assert "bad.png" not in names(tmp_path / "out")


def test_a_folder_without_pictures_is_said(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("remove", tmp_path / "empty", tmp_path / "out").exit_code == 1


def test_flags_are_the_fields_of_the_service(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    (tmp_path / "out").mkdir()
    words = ["--background", "red", "--format", "jpeg", "--max-size", "80"]
    result = run("remove", tmp_path / "a.png", tmp_path / "out", *words)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out" / "a.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (80, 60))


def test_a_wrong_flag_is_named(run, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    result = run("remove", tmp_path / "a.png", tmp_path / "out.png", "--matting", "fba")
    assert result.exit_code == 2
    assert "matting" in result.output

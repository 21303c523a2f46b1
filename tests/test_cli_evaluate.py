"""The commands `evaluate` and `compare`."""

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

from cutout.cli.evaluate import register


def disc(number):
    y, x = np.mgrid[:40, :50]
    return ((np.hypot(y - 20, x - 20) < 9 + number) * 255).astype(np.uint8)


def make_predict(options):
    """A predictor that knows the answer; `shift` moves it."""
    shift = int(options.get("shift", "0"))

    def predict(path):
        return np.roll(disc(int(path.stem)), shift, axis=1), {"infer": 1.0}, {}

    return predict, {"model": "drawn", "shift": str(shift)}


@pytest.fixture
def data(tmp_path):
    for number in range(4):
        mask = Image.fromarray(disc(number))
        for folder, image in {
            "images": mask.convert("RGB"),
            "masks": mask,
            "sharp": mask,
            "blurred": mask.filter(ImageFilter.GaussianBlur(6)),
        }.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            image.save(tmp_path / folder / f"{number}.png")
    return tmp_path


@pytest.fixture
def invoke(data):
    group = click.Group("cutout")
    register(group, make_predict)

    def run(*arguments):
        words = [str(data / word[1:]) if word.startswith("@") else word for word in arguments]
        return CliRunner().invoke(group, words)

    return run


def test_the_gate_passes_equal_maps_and_fails_blurred_ones(data, invoke):
    common = ("evaluate", "@images", "@masks", "--jobs", "1")
    first = invoke(*common, "--out", "@first", "--predictions", "@sharp")
    assert first.exit_code == 0, first.output
    assert {path.name for path in (data / "first").iterdir()} >= {
        "rows.csv",
        "summary.json",
        "report.html",
    }
    gate = ("--baseline", "@first/summary.json", "--max-drop", "0.005")
    same = invoke(*common, "--out", "@same", "--predictions", "@sharp", *gate)
    assert same.exit_code == 0
    assert "Gate passed" in same.output
    blurred = invoke(*common, "--out", "@blurred-out", "--predictions", "@blurred", *gate)
    assert blurred.exit_code == 1
    assert "weighted F: 1.0000 before" in blurred.output

    compared = invoke("compare", "@first", "@blurred-out", "--out", "@compared")
    assert compared.exit_code == 0
    assert "A is better than B" in compared.output
    assert (data / "compared" / "compare.html").exists()


def test_the_options_reach_the_model_and_measured_images_are_kept(data, invoke):
    arguments = ("evaluate", "@images", "@masks", "--out", "@out", "--jobs", "1")
    assert invoke(*arguments, "--option", "shift=3").exit_code == 0
    again = invoke(*arguments, "--option", "shift=3")
    assert "4 of 4 images are done already" in again.output
    other = invoke(*arguments)
    assert other.exit_code == 1
    assert "--restart" in other.output
    assert str(data) not in other.output


def test_ctrl_c_says_how_to_resume(data):
    def interrupted(options):
        def predict(path):
            if path.stem == "2":
                raise KeyboardInterrupt
            return disc(int(path.stem)), {}, {}

        return predict, {"model": "drawn"}

    group = click.Group("cutout")
    register(group, interrupted)
    words = ["evaluate", str(data / "images"), str(data / "masks"), "--out", str(data / "out")]
    result = CliRunner().invoke(group, [*words, "--jobs", "1"])
    assert result.exit_code == 1
    assert "the same command goes on from here" in result.output


def test_failed_pairs_and_unmatched_files_are_listed_and_not_fatal(data, invoke):
    (data / "masks" / "1.png").write_bytes(b"no image")
    (data / "masks" / "3.png").unlink()
    result = invoke("evaluate", "@images", "@masks", "--out", "@out", "--jobs", "1")
    assert result.exit_code == 0
    assert "Without a partner, images: 3" in result.output
    assert "Broken: 1: " in result.output


@pytest.mark.parametrize(
    "extra, message",
    [
        (("--option", "shift"), "NAME=VALUE"),
        (("--predictions", "@sharp", "--option", "shift=1"), "no effect"),
        (("--baseline", "@images/0.png"), "is no summary"),
    ],
)
def test_wrong_usage_is_named(invoke, extra, message):
    result = invoke("evaluate", "@images", "@masks", "--out", "@out", *extra)
    assert result.exit_code != 0
    assert message in result.output

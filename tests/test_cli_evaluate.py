"""The commands `evaluate` and `compare`."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

from cutout.cli.evaluate import register
from cutout.cli.flags import parse_options
from cutout.errors import UnknownField
from cutout.options import Options


def disc(number):
    y, x = np.mgrid[:40, :50]
    return ((np.hypot(y - 20, x - 20) < 9 + number) * 255).astype(np.uint8)


def make_predict(options):
    """A predictor that knows the answer; `shift` moves it."""
    shift = int(options.get("shift", "0"))

    def predict(path):
        return np.roll(disc(int(path.stem)), shift, axis=1), {"infer": 1.0}, {}

    return predict, {"model": "drawn", "options": {"shift": shift, "edges": "auto"}}


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


@pytest.fixture
def in_threads(monkeypatch):
    """Measures in a thread: two other tests use the processes, which take a second to start."""
    monkeypatch.setattr("cutout.evaluation.process_pool", lambda jobs: ThreadPoolExecutor(1))


def test_the_gate_passes_equal_maps_and_fails_blurred_ones(data, invoke):
    common = ("evaluate", "@images", "@masks", "--jobs", "1")
    first = invoke(*common, "--out", "@first", "--predictions", "@sharp")
    assert first.exit_code == 0, first.output
    assert {path.name for path in (data / "first").iterdir()} >= {
        "rows.csv",
        "summary.json",
        "report.html",
    }
    gate = ("--baseline", "@first/summary.json")
    same = invoke(*common, "--out", "@same", "--predictions", "@sharp", *gate)
    assert same.exit_code == 0
    assert "Gate passed: nothing fell by more than 0.005." in same.output
    blurred = invoke(*common, "--out", "@blurred-out", "--predictions", "@blurred", *gate)
    assert blurred.exit_code == 1
    assert "weighted F: 1.0000 before" in blurred.output

    compared = invoke("compare", "@first", "@blurred-out", "--out", "@compared")
    assert compared.exit_code == 0
    assert "A is better than B" in compared.output
    assert (data / "compared" / "compare.html").exists()


def test_the_options_reach_the_model_and_measured_images_are_kept(data, invoke, in_threads):
    arguments = ("evaluate", "@images", "@masks", "--out", "@out", "--jobs", "1")
    assert invoke(*arguments, "--option", "shift=3").exit_code == 0
    again = invoke(*arguments, "--option", "shift=3")
    assert "4 of 4 images are done already" in again.output
    other = invoke(*arguments)
    assert other.exit_code == 1
    assert "--restart" in other.output
    assert str(data) not in other.output


def test_the_place_of_the_report_is_printed(data, invoke, in_threads):
    common = ("evaluate", "@images", "@masks", "--jobs", "1", "--predictions", "@sharp")
    for name in ("a", "b"):
        output = invoke(*common, "--out", f"@{name}").output
        assert f"Report: {data / name / 'report.html'}" in output
    output = invoke("compare", "@a", "@b", "--out", "@compared").output
    assert f"Report: {data / 'compared' / 'compare.html'}" in output
    assert (data / "compared" / "compare.html").is_file()


def test_compare_names_the_options_that_differ(data, invoke, in_threads):
    common = ("evaluate", "@images", "@masks", "--jobs", "1")
    invoke(*common, "--out", "@a")
    invoke(*common, "--out", "@b", "--option", "shift=3")
    output = invoke("compare", "@a", "@b", "--out", "@compared").output
    assert "A and B differ in shift (0 in A, 3 in B)." in output
    assert "shift (0 in A, 3 in B)" in (data / "compared" / "compare.html").read_text()
    output = invoke("compare", "@a", "@a", "--out", "@compared").output
    assert "A and B have the same model, device and options." in output


def test_a_large_max_drop_is_named_where_it_passes(invoke, in_threads):
    common = ("evaluate", "@images", "@masks", "--jobs", "1")
    invoke(*common, "--out", "@first", "--predictions", "@sharp")
    gate = ("--baseline", "@first/summary.json", "--max-drop", "1")
    passed = invoke(*common, "--out", "@second", "--predictions", "@sharp", *gate)
    assert "nothing fell by more than 1." in passed.output


def test_the_threshold_is_an_alpha(data, invoke, in_threads):
    common = ("evaluate", "@images", "@masks", "--jobs", "1", "--predictions", "@sharp")
    for name, extra, level in (("a", (), 128), ("b", ("--threshold", "0.25"), 64)):
        assert invoke(*common, "--out", f"@{name}", *extra).exit_code == 0
        summary = json.loads((data / name / "summary.json").read_text())
        assert summary["settings"]["threshold"] == level
    refused = invoke(*common, "--out", "@c", "--threshold", "128")
    assert (refused.exit_code, "0<=x<=1" in refused.output) == (2, True)


def test_jobs_is_by_default_the_number_of_usable_cores(monkeypatch, invoke):
    asked = []

    def pool(jobs):
        asked.append(jobs)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    monkeypatch.setattr("cutout.evaluation.process_pool", pool)
    result = invoke("evaluate", "@images", "@masks", "--out", "@out", "--predictions", "@sharp")
    assert (result.exit_code, asked) == (0, [1])


@pytest.mark.parametrize(
    "name, advice",
    [("edge", "did you mean 'edges'?"), ("xyzzy", f"choose {next(iter(Options.model_fields))}, ")],
)
def test_an_unknown_option_names_the_nearest_known_one(name, advice):
    with pytest.raises(UnknownField, match=re.escape(f"Option {name!r} is not known; {advice}")):
        parse_options({name: "1"})


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
    assert "the same command resumes from here" in result.output


def test_failed_pairs_and_unmatched_files_are_listed_and_not_fatal(data, invoke):
    (data / "masks" / "1.png").write_bytes(b"no image")
    (data / "masks" / "3.png").unlink()
    result = invoke("evaluate", "@images", "@masks", "--out", "@out", "--jobs", "1")
    assert result.exit_code == 0
    assert "Without a partner, images: 3" in result.output
    assert "Failed: 1: " in result.output


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

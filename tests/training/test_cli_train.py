import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from training_kit import write_pairs

from cutout.cli.train import NO_TORCH, train

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")


@pytest.fixture
def folders(tmp_path):
    for name in ("image", "mask"):
        (tmp_path / name).mkdir()
    return [str(tmp_path / "image"), str(tmp_path / "mask")]


def test_without_torch_the_command_says_what_to_install(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(train, [*folders, "--out", str(tmp_path / "mine.onnx")])
    assert result.exit_code == 1
    assert NO_TORCH in result.output


def test_the_service_does_not_import_torch():
    """Nor does the group of commands: torch takes seconds and may be missing."""
    code = "import sys, app, cutout.cli; assert 'torch' not in sys.modules, 'torch is loaded'"
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_torch
@pytest.mark.parametrize(
    "name, text",
    [
        ("mine.pt", "must end in .onnx"),
        ("old.onnx", "exists"),
        ("u2net.onnx", "published model"),
    ],
)
def test_a_wrong_target_is_refused_before_anything_is_read(folders, tmp_path, name, text):
    (tmp_path / "old.onnx").write_bytes(b"another model")
    result = CliRunner().invoke(train, [*folders, "--out", str(tmp_path / name)])
    assert result.exit_code == 1
    assert text in result.output
    assert (tmp_path / "old.onnx").read_bytes() == b"another model"


@needs_torch
def test_an_unknown_start_is_named(tmp_path):
    images, masks = write_pairs(tmp_path, 3)
    target = str(tmp_path / "mine.onnx")
    result = CliRunner().invoke(
        train, [str(images), str(masks), "--from", "nothing", "--out", target]
    )
    assert result.exit_code == 1
    assert "--from takes u2net, u2netp, scratch" in result.output


@needs_torch
def test_the_command_trains_exports_and_compares(tmp_path, u2netp_path):
    from training_models import TINY, new_network, write_model

    start = write_model(tmp_path / "start.onnx", u2netp_path, new_network(TINY))
    images, masks = write_pairs(tmp_path, 14)
    (masks / "p00.png").write_bytes(b"no image")
    out = tmp_path / "models" / "mine.onnx"
    flags = ["--from", str(start), "--size", "64", "--steps", "40", "--batch", "4"]
    more = ["--learning-rate", "0.01", "--general", str(images), str(masks), "--threads", "1"]
    command = [str(images), str(masks), *flags, *more, "--out", str(out)]
    result = CliRunner().invoke(train, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "Left out: p00" in result.output
    assert out.is_file()
    assert "size = 64" in out.with_suffix(".toml").read_text()
    assert not out.with_suffix(".training").exists()
    compared = json.loads(
        (out.with_suffix(".report") / "held/before-mine/compare.json").read_text()
    )
    assert compared["images"] == 2
    assert {"before", "mine"} == {
        p.name
        for p in (out.with_suffix(".report") / "general").iterdir()
        if not p.name.startswith("before-")
    }
    serve(out, images / "p01.png", tmp_path)


@needs_torch
def test_a_report_that_cannot_be_written_does_not_hide_the_model(request_for, drawn):
    from cutout.cli.train_report import compare
    from cutout.errors import StorageFull
    from cutout.training.pairs import Split
    from cutout.training.run import Outcome

    request = request_for()
    request.out.with_suffix(".report").write_text("a file where a folder is wanted")
    with pytest.raises(StorageFull, match="The model is complete; its report could not"):
        compare(request, Outcome([], Split([], [], list(drawn)), {}), [])


def serve(out, image, folder):
    """The written file as CUTOUT_MODEL names it: the service makes the command's own map of it."""
    from cutout.cli.train_report import make_predictor
    from cutout.images import decode
    from cutout.models.own import read_own
    from cutout.settings import Settings
    from u2net import RembgModel

    settings = Settings(device="cpu", precision="fp32", cache_dir=folder / "cache")
    model = RembgModel(str(out), settings)
    rgb = decode(image.read_bytes()).rgb
    alpha = model.finish(model.infer_one(model.prepare(rgb)), rgb.shape[:2])
    expected = make_predictor(out, read_own(out), folder / "cache")(image).map8
    assert np.abs(np.round(alpha * 255) - expected).max() <= 1


@needs_torch
def test_a_general_set_without_pairs_is_refused_before_training(tmp_path):
    images, masks = write_pairs(tmp_path, 3)
    (tmp_path / "empty").mkdir()
    general = ["--general", str(tmp_path / "empty"), str(tmp_path / "empty")]
    command = [str(images), str(masks), *general, "--out", str(tmp_path / "mine.onnx")]
    result = CliRunner().invoke(train, command)
    assert result.exit_code == 1
    assert "No file name occurs in all folders" in result.output
    assert "pairs to train on" not in result.output


@needs_torch
def test_a_folder_without_images_to_replay_is_refused(tmp_path):
    images, masks = write_pairs(tmp_path, 3)
    (tmp_path / "empty").mkdir()
    flags = ["--replay", str(tmp_path / "empty"), "--out", str(tmp_path / "mine.onnx")]
    result = CliRunner().invoke(train, [str(images), str(masks), *flags])
    assert result.exit_code == 1
    assert "There is no image in empty" in result.output


@needs_torch
def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path, u2netp_path):
    from training_models import TINY, new_network, write_model

    start = write_model(tmp_path / "start.onnx", u2netp_path, new_network(TINY))
    images, masks = write_pairs(tmp_path, 10)
    flags = ["--size", "64", "--batch", "4", "--steps", "30", "--threads", "1", "--held", "0"]
    target = ["--from", str(start), "--learning-rate", "0.01", "--out", str(tmp_path / "mine.onnx")]
    code = "from cutout.cli.train import train; train()"
    command = [sys.executable, "-uc", code, str(images), str(masks), *flags, *target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        # The line is printed after the checkpoint of that step is on the disk.
        assert any("validation IoU" in line and "step" in line for line in process.stdout)
        process.kill()
    assert not (tmp_path / "mine.onnx").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Resumed after step 20." in again.stdout
    assert "step   30 of 30" in again.stdout

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (requirements-train.txt)")

from training_models import SETTINGS, TINY, parts_for  # noqa: E402

from cutout.errors import InvalidValue, StorageFull  # noqa: E402
from cutout.training import blending, run  # noqa: E402
from cutout.training.network import U2Net  # noqa: E402
from cutout.training.onnx_weights import network_from  # noqa: E402


def run_with(request, monkeypatch, is_better):
    """A whole run; whether validation gains is decided by the test."""
    monkeypatch.setattr(blending, "is_better", lambda before, after: is_better)
    said = []
    return run.train(request, said.append, lambda progress: None), said


def test_a_whole_run_writes_model_toml_ranges_and_card(request_for, monkeypatch):
    request = request_for()
    outcome, _ = run_with(request, monkeypatch, True)
    names = {path.name for path in outcome.files}
    assert {"mine.onnx", "mine.toml", "mine.md"} <= names
    assert {path.name for path in request.out.parent.iterdir()} == names
    card = request.out.with_suffix(".md").read_text()
    assert "Licence of the starting weights: Apache-2.0" in card
    assert "| train | 8 |" in card


def test_replay_adds_a_blended_model_only_where_it_is_another(request_for, monkeypatch, drawn):
    request = request_for(replay=[pair.image for pair in drawn])
    outcome, _ = run_with(request, monkeypatch, True)
    models = [path.name for path in outcome.files if path.suffix == ".onnx"]
    assert models in (["mine.onnx"], ["mine.onnx", "mine-blended.onnx"])
    assert "agreement" in request.out.with_suffix(".md").read_text()


def test_without_a_gain_nothing_is_written(request_for, monkeypatch):
    request = request_for()
    with pytest.raises(run.NoGain, match="Nothing was written"):
        run_with(request, monkeypatch, False)
    assert list(request.out.parent.iterdir()) == []


def test_where_one_file_cannot_be_written_none_is_kept(tmp_path):
    (tmp_path / "blocked.md").mkdir()
    files = {tmp_path / "mine.onnx": b"model", tmp_path / "blocked.md": b"card"}
    with pytest.raises(StorageFull, match="nothing was kept"):
        run.write_all(files)
    assert [path.name for path in tmp_path.iterdir()] == ["blocked.md"]


@pytest.mark.parametrize(
    "after, better",
    [
        ([0.9, 0.9, 0.9, 0.9], True),
        ([0.8, 0.8, 0.8, 0.8], False),
        ([0.8005, 0.8005, 0.8005, 0.8006], False),
        ([1.0, 0.6, 1.0, 0.62], False),
    ],
)
def test_a_gain_must_be_more_than_noise(after, better):
    assert blending.is_better(np.full(4, 0.8), np.array(after)) == better


def test_a_blend_of_share_one_is_the_trained_network_and_of_zero_the_start():
    torch.manual_seed(0)
    start, trained = U2Net(TINY).eval(), U2Net(TINY).eval()
    for share, expected in ((1.0, trained), (0.0, start)):
        mixed = blending.blend(start, trained, share)
        pairs = zip(mixed.parameters(), expected.parameters(), strict=True)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_new_weights_are_the_same_whenever_a_run_is_resumed(request_for):
    """Those of attention too: the means are taken with the start."""
    for more in ({"scratch": True}, {"settings": replace(SETTINGS, attention=True)}):
        first, second = (parts_for(request_for(**more)).start.state_dict() for _ in range(2))
        assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_from_scratch_replayed_images_are_taught_by_the_published_model(request_for, drawn):
    parts = parts_for(request_for(scratch=True, replay=[pair.image for pair in drawn]))
    tensor = torch.from_numpy(parts.general.tensors[:1])
    with torch.no_grad():
        taught = torch.sigmoid(network_from(parts.template)(tensor)[0]).numpy()
    assert np.abs(parts.general.targets[0] - taught[0]).max() <= 1e-5


def test_from_scratch_there_is_no_start_to_take_a_mean_with(request_for):
    parts = parts_for(request_for(scratch=True))
    found = blending.candidates(None, parts.start, parts.validation, None)
    assert [one.share for one in found] == [1.0]


@pytest.mark.parametrize("name", ["mine.onnx", "mine.toml", "mine-blended.onnx", "mine-blended.md"])
def test_no_file_of_another_run_is_replaced(tmp_path, name):
    (tmp_path / name).write_text("of another run")
    with pytest.raises(InvalidValue, match=f"{name} exists"):
        run.require_free(tmp_path / "mine.onnx")


def test_an_unreadable_replay_image_is_said_and_left_out(request_for, drawn, tmp_path, monkeypatch):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    request = request_for(replay=[broken, *(pair.image for pair in drawn)])
    _, said = run_with(request, monkeypatch, True)
    assert any("Left out of replay: broken.png" in line for line in said)
    with pytest.raises(InvalidValue, match="No image of replay"):
        run_with(request_for(replay=[broken]), monkeypatch, True)

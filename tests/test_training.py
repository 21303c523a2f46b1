import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (requirements-train.txt)")

from PIL import Image  # noqa: E402
from training_kit import SIZE, TINY, write_model, write_pairs  # noqa: E402

from cutout.errors import ConfigurationError, InvalidValue, StorageFull  # noqa: E402
from cutout.models.table import spec_of  # noqa: E402
from cutout.training import blending, checkpoints, run  # noqa: E402
from cutout.training.augment import Augmentation, augment, composed  # noqa: E402
from cutout.training.network import U2Net  # noqa: E402
from cutout.training.pairs import TrainPair, problem_of, split_pairs  # noqa: E402
from cutout.training.parts import RunParts, TrainRequest  # noqa: E402
from cutout.training.quality_fit import fit_quality  # noqa: E402
from cutout.training.settings import TrainSettings  # noqa: E402
from cutout.training.trainer import Trainer  # noqa: E402

SETTINGS = TrainSettings(
    size=SIZE,
    batch=4,
    inner_steps=2,
    full_steps=4,
    learning_rate=3e-3,
    validate_every=2,
    average=0.5,
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """12 pairs of drawn discs."""
    images, masks = write_pairs(tmp_path_factory.mktemp("pairs"), 12)
    stems = sorted(path.stem for path in images.iterdir())
    return [TrainPair(stem, images / f"{stem}.png", masks / f"{stem}.png") for stem in stems]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory, u2netp_path):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    return write_model(path, u2netp_path, U2Net(TINY))


@pytest.fixture
def request_for(drawn, tiny_model, tmp_path):
    def make(settings=SETTINGS, **more):
        fields = {"pairs": drawn, "weights": tiny_model, "spec": spec_of("u2netp")}
        return TrainRequest(out=tmp_path / "mine.onnx", settings=settings, **(fields | more))

    return make


def trainer_for(request, checkpoint=None):
    parts = RunParts(request, split_pairs(request.pairs, 0.2, 0.1))
    network, settings = parts.fresh_network(), request.settings
    return Trainer(network, parts.batches(), parts.validation, settings, checkpoint)


def test_the_loss_falls(request_for):
    settings = TrainSettings(
        size=SIZE, batch=4, inner_steps=0, full_steps=20, learning_rate=1e-2, validate_every=50
    )
    trainer = trainer_for(request_for(settings))
    losses = [progress.loss for progress in trainer.run()]
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


@pytest.mark.parametrize("stop", [1, 4])
def test_a_resumed_run_equals_an_uninterrupted_one(request_for, tmp_path, stop):
    """Stopped inside either phase, after a validation or between two."""
    request = request_for()
    whole = trainer_for(request)
    list(whole.run())
    place = (tmp_path / "checkpoint.pt", "run")
    stopped = trainer_for(request, place)
    list(stopped.run(until=stop))
    resumed = trainer_for(request, place)
    # Stopped as by kill -9: only what a validation has saved is there.
    assert resumed.step == stop - stop % 2
    list(resumed.run())
    assert resumed.losses == whole.losses
    expected = whole.best_state()
    assert all(torch.equal(value, expected[key]) for key, value in resumed.best_state().items())


def test_micro_batches_give_the_gradient_of_the_whole_batch(request_for):
    found = []
    for micro_batch in (1, 4):
        settings = TrainSettings(size=SIZE, batch=4, micro_batch=micro_batch, inner_steps=0)
        trainer = trainer_for(request_for(settings))
        trainer._accumulate(*trainer.batches.at(0))
        found.append(trainer.network.encoders[3].entry.conv.weight.grad)
    assert torch.allclose(*found, atol=1e-4)


def test_minutes_shorten_both_phases(request_for):
    settings = TrainSettings(
        size=SIZE, batch=4, inner_steps=20_000, full_steps=10_000, minutes=0.05, validate_every=9999
    )
    trainer = trainer_for(request_for(settings))
    steps = sum(1 for _ in trainer.run())
    assert steps < 2000
    assert trainer.settings.steps < 30_000


def test_training_stops_without_a_gain_in_validation(request_for):
    settings = TrainSettings(
        size=SIZE, batch=4, inner_steps=0, full_steps=40, learning_rate=0.0, validate_every=1
    )
    trainer = trainer_for(request_for(settings))
    list(trainer.run())
    assert trainer.step == 1 + settings.patience
    assert "no gain" in trainer.stopped


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(path, {"step": 1}, "one run")
    assert checkpoints.load(path, "one run")["step"] == 1
    with pytest.raises(ConfigurationError, match="other images or settings"):
        checkpoints.load(path, "another run")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ConfigurationError, match="no checkpoint"):
        checkpoints.load(path, "run")


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


def pair_of(folder, mask, image_size=(40, 30)):
    Image.fromarray(np.full((*image_size[::-1], 3), 90, np.uint8)).save(folder / "a.png")
    Image.fromarray(mask).save(folder / "a-mask.png")
    return TrainPair("a", folder / "a.png", folder / "a-mask.png")


def half(height=30, width=40, level=255):
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = level
    return mask


@pytest.mark.parametrize(
    "mask, reason",
    [
        (half(), ""),
        (half(20, 40), "40 x 30 px, its mask 40 x 20 px"),
        (np.zeros((30, 40), np.uint8), "empty"),
        (half(level=1), "no level is above 128"),
        (np.full((30, 40), 255, np.uint8), "whole image"),
        (np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1)), ""),
    ],
)
def test_a_pair_that_cannot_be_trained_on_has_a_reason(tmp_path, mask, reason):
    found = problem_of(pair_of(tmp_path, mask))
    assert (reason in found) if reason else not found


def test_a_broken_file_has_a_reason(tmp_path):
    pair = pair_of(tmp_path, half())
    pair.mask.write_bytes(b"no image")
    assert problem_of(pair)


def named(count):
    return [TrainPair(f"car{n // 4:02}_{n % 4}", None, None) for n in range(count)]


def test_a_split_loses_nothing_and_does_not_depend_on_the_order():
    pairs = named(80)
    split = split_pairs(pairs, 0.15, 0.15)
    stems = [{p.stem for p in part} for part in (split.train, split.validation, split.held)]
    assert [len(part) for part in stems] == [56, 12, 12]
    assert set.union(*stems) == {pair.stem for pair in pairs}
    assert split_pairs(pairs[::-1], 0.15, 0.15).held == split.held


def test_views_of_one_object_stay_on_one_side():
    split = split_pairs(named(80), 0.2, 0.2, r"^(car\d+)_")
    cars = [{p.stem[:5] for p in part} for part in (split.train, split.validation, split.held)]
    assert all(not a & b for a, b in itertools.combinations(cars, 2))


@pytest.mark.parametrize("pattern, text", [("(", "regular expression"), (r"^bus", "not match")])
def test_a_wrong_group_pattern_is_named(pattern, text):
    with pytest.raises(InvalidValue, match=text):
        split_pairs(named(8), 0.2, 0.2, pattern)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_pairs_are_refused(count):
    with pytest.raises(InvalidValue, match="at least 3"):
        split_pairs(named(count), 0.15, 0.15)


def test_augmentation_keeps_image_and_target_together():
    rgb = np.zeros((80, 80, 3), np.uint8)
    rgb[20:50, 10:40] = 200
    target = np.where(rgb[..., 0] > 100, 255, 0).astype(np.uint8)
    for seed in range(8):
        image, moved = augment(np.random.default_rng(seed), rgb, target, None, Augmentation(64))
        bright, subject = image[..., 0] > 60, moved > 128
        assert (bright != subject).mean() < 0.02


def test_a_subject_on_another_background_keeps_its_pixels():
    rgb, other = np.full((8, 8, 3), 200, np.uint8), np.full((8, 8, 3), 10, np.uint8)
    mixed = composed(rgb, half(8, 8), other)
    assert (mixed[:, :4] == 200).all()
    assert (mixed[:, 4:] == 10).all()


def test_a_batch_depends_on_seed_and_step_alone(request_for):
    first, second = (trainer_for(request_for()).batches for _ in range(2))
    second.at(5)
    assert all(np.array_equal(a, b) for a, b in zip(first.at(3), second.at(3), strict=True))


def test_the_quality_fit_predicts_more_for_more_certain_maps():
    y, x = np.mgrid[:64, :64]
    rng = np.random.default_rng(0)
    maps, ious = [], []
    for number in range(40):
        unsure = number / 50
        scores = (np.hypot(y - 32, x - 32) < 16).astype(np.float32)
        scores[4:24, 4:24] = np.maximum(scores[4:24, 4:24], unsure)
        maps.append(scores)
        ious.append(0.95 - unsure + rng.normal(0, 0.01))
    intercept, *weights = fit_quality(maps, np.clip(ious, 0, 1))
    assert np.isfinite(intercept)
    assert min(weights) > 0
    assert fit_quality(maps[:10], np.array(ious[:10])) is None

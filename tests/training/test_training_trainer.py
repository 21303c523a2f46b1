import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (requirements-train.txt)")

from training_kit import SIZE  # noqa: E402
from training_models import trainer_for  # noqa: E402

from cutout.errors import ConfigurationError  # noqa: E402
from cutout.training import checkpoints, trainer  # noqa: E402
from cutout.training.settings import TrainSettings  # noqa: E402


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


def test_a_slow_run_is_saved_between_validations(request_for, tmp_path, monkeypatch):
    """And goes on to the same weights from there."""
    monkeypatch.setattr(trainer, "SAVE_EVERY_S", 0.0)
    whole = trainer_for(request_for())
    list(whole.run())
    place = (tmp_path / "checkpoint.pt", "run")
    list(trainer_for(request_for(), place).run(until=3))
    resumed = trainer_for(request_for(), place)
    assert resumed.step == 3
    list(resumed.run())
    assert resumed.losses == whole.losses


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


def test_a_batch_depends_on_seed_and_step_alone(request_for):
    first, second = (trainer_for(request_for()).batches for _ in range(2))
    second.at(5)
    assert all(np.array_equal(a, b) for a, b in zip(first.at(3), second.at(3), strict=True))

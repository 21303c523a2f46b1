"""What one training run may be told; every default stands here."""

from dataclasses import dataclass, replace
from typing import Any

from cutout.errors import InvalidValue

# Adam at 1e-3 on folded published weights destroys them within 40 steps.
FINE_TUNE_RATE, SCRATCH_RATE = 1e-4, 1e-3
# On a CPU updates are scarce, not memory.
BATCH = {"cpu": 4, "cuda": 12}
STEPS = 220
# On a GPU a set is seen this often, if that is more steps.
CUDA_EPOCHS = 12
INNER_SHARE = 0.7
VALIDATE_EVERY, MAX_VALIDATIONS = 20, 50


@dataclass(frozen=True)
class TrainSettings:
    """Settings of the optimisation; images and weights are arguments of their own.

    inner_steps: steps on the inner stages alone, at a quarter of the cost; full_steps: steps of
    the whole network after them. batch: images an update; micro_batch: images at once, fewer where
    memory is short. iou_weight: of the soft IoU beside the cross-entropy. replay_share: share of a
    batch taken from the replay set, where one is given. average: decay of the running mean of the
    weights. patience: validations without a gain after which training stops. minutes: None for
    no limit. device: "cpu" or "cuda". norm: train with batch norm, set up from the data.
    """

    seed: int = 0
    size: int = 320
    batch: int = BATCH["cpu"]
    micro_batch: int = BATCH["cpu"]
    learning_rate: float = FINE_TUNE_RATE
    weight_decay: float = 0.0
    inner_steps: int = round(STEPS * INNER_SHARE)
    full_steps: int = STEPS - round(STEPS * INNER_SHARE)
    iou_weight: float = 1.0
    replay_share: float = 0.5
    average: float = 0.95
    validate_every: int = VALIDATE_EVERY
    patience: int = 6
    minutes: float | None = None
    device: str = "cpu"
    norm: bool = False
    attention: bool = False

    def __post_init__(self) -> None:
        """Refuse a size that the network cannot halve five times."""
        if self.size <= 0 or self.size % 32:
            raise InvalidValue("The input size must be a multiple of 32, for example 320.")

    @property
    def steps(self) -> int:
        """Both phases together."""
        return self.inner_steps + self.full_steps

    def with_steps(self, steps: int, inner_share: float) -> "TrainSettings":
        """The same run with so many steps; at least one is of the whole network."""
        inner = min(round(steps * inner_share), steps - 1)
        every = max(VALIDATE_EVERY, steps // MAX_VALIDATIONS)
        return replace(self, inner_steps=inner, full_steps=steps - inner, validate_every=every)


def make_settings(pairs: int, device: str, scratch: bool, given: dict[str, Any]) -> TrainSettings:
    """Settings with the defaults that depend on the start, the device and the number of pairs.

    given: fields of TrainSettings by name, `steps` and `inner_share`; None is the default. From
    scratch there is no inner phase: the outer stages know nothing yet.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    inner_share = chosen.pop("inner_share", 0.0 if scratch else INNER_SHARE)
    batch = chosen.setdefault("batch", BATCH[device])
    steps = chosen.pop("steps", None)
    if steps is None:
        steps = max(STEPS, CUDA_EPOCHS * pairs // batch) if device == "cuda" else STEPS
    chosen.setdefault("learning_rate", SCRATCH_RATE if scratch else FINE_TUNE_RATE)
    chosen.setdefault("norm", scratch)
    chosen["micro_batch"] = min(batch, chosen.get("micro_batch", batch))
    return TrainSettings(device=device, **chosen).with_steps(steps, inner_share)

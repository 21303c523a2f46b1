"""What one training run may be told; every default stands here."""

from dataclasses import dataclass, replace
from typing import Any

from cutout.errors import InvalidValue

# Adam at 1e-3 on folded published weights destroys them within 40 steps.
FINE_TUNE_RATE, SCRATCH_RATE = 1e-4, 1e-3


@dataclass(frozen=True)
class TrainSettings:
    """Settings of the optimisation; images and weights are arguments of their own.

    inner_steps: steps on the inner stages alone, at a quarter of the cost; full_steps: steps of
    the whole network after them. batch: images an update; micro_batch: images at once, fewer where
    memory is short. iou_weight: of the soft IoU beside the cross-entropy. replay_share: share of a
    batch taken from the replay set, where one is given. background_share: share of the subjects
    moved to another background, where some are given. average: decay of the running mean of the
    weights. patience: validations without a gain after which training stops. minutes: None for
    no limit. device: "cpu" or "cuda". norm: train with batch norm, set up from the data.
    """

    seed: int = 0
    size: int = 320
    batch: int = 12
    micro_batch: int = 4
    learning_rate: float = FINE_TUNE_RATE
    weight_decay: float = 0.0
    inner_steps: int = 160
    full_steps: int = 60
    iou_weight: float = 1.0
    replay_share: float = 0.5
    background_share: float = 0.2
    average: float = 0.95
    validate_every: int = 20
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

    def shortened(self, share: float) -> "TrainSettings":
        """The same run with `share` of the steps of both phases."""
        inner = max(int(self.inner_steps * share), 0)
        return replace(self, inner_steps=inner, full_steps=max(int(self.full_steps * share), 1))


# Without more, a set is seen this often on a GPU; a CPU has time for the fixed number only.
CUDA_EPOCHS = 12
INNER_SHARE = 0.7
# On a CPU updates are scarce, not memory: 4 images each reached in 46 updates IoU .81 on
# 40 unseen images of garments, from .66.
BATCH = {"cpu": 4, "cuda": 12}


def make_settings(
    pairs: int,
    *,
    scratch: bool,
    steps: int | None,
    device: str,
    batch: int | None,
    micro_batch: int | None,
    learning_rate: float | None,
    norm: bool | None,
    others: dict[str, Any],
) -> TrainSettings:
    """Settings with the defaults that depend on the start, the device and the number of pairs.

    others: fields of TrainSettings by name. From scratch there is no inner phase: the outer
    stages know nothing yet.
    """
    batch = batch or BATCH[device]
    total = steps or TrainSettings().steps
    if steps is None and device == "cuda":
        total = max(total, CUDA_EPOCHS * pairs // batch)
    inner = 0 if scratch else round(total * INNER_SHARE)
    return TrainSettings(
        inner_steps=inner,
        full_steps=total - inner,
        device=device,
        batch=batch,
        micro_batch=min(batch, micro_batch or batch),
        learning_rate=learning_rate or (SCRATCH_RATE if scratch else FINE_TUNE_RATE),
        norm=scratch if norm is None else norm,
        **others,
    )

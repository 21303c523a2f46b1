"""What one training run may be told; every default stands here."""

from dataclasses import dataclass, replace

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

    @property
    def steps(self) -> int:
        """Both phases together."""
        return self.inner_steps + self.full_steps

    def shortened(self, share: float) -> "TrainSettings":
        """The same run with `share` of the steps of both phases."""
        inner = max(int(self.inner_steps * share), 0)
        return replace(self, inner_steps=inner, full_steps=max(int(self.full_steps * share), 1))

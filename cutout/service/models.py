"""A model that the service has loaded, with what belongs to it alone."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from cutout import pipeline
from cutout.batching import Batcher
from cutout.quality import Recalibration
from cutout.service.costs import Needs
from cutout.service.requests import Record


class Model(pipeline.Model, Protocol):
    """What the service asks of a model beside what the pipeline does."""

    def describe(self) -> dict[str, str | None]:
        """Name and hashes of the weights."""

    def device(self) -> dict[str, Any]:
        """Device asked for and active, runtime, precision, versions, degraded or not."""

    def open_sizes(self, sides: set[int], timeout: float | None = None) -> None:
        """Compile the model for these input sizes (px) where that has not been done."""


@dataclass(frozen=True)
class LoadedModel:
    """name: under which it is served. batcher: its only caller.

    relative_work: the time of an image as a multiple of the default model's. recalibration: of
    the predicted IoU to a user's own data.
    """

    name: str
    model: Model
    batcher: Batcher
    relative_work: float = 1.0
    recalibration: Recalibration | None = None

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        """Scores (S, S) of one tensor (3, S, S), without a deadline: for the commands."""
        return self.batcher.run(tensor, deadline=float("inf"))

    def scaled(self, needs: Needs) -> Needs:
        """What a request needs with this model."""
        return replace(needs, work=needs.work * self.relative_work)

    def state(self) -> Record:
        """For /health: what it is, what it runs on, and how many tensors wait for it."""
        return {
            **self.model.describe(),
            "calibrated_on": self.name if self.model.calibration else "u2net",
            "input_sizes": list(self.model.input_sizes),
            "device": self.model.device(),
            "relative_work": round(self.relative_work, 2),
            "waiting": self.batcher.waiting,
        }

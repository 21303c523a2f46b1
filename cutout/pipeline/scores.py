"""What the model thinks of a picture: one view of it, or several in one mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .. import quality
from ..options import Options

Infer = Callable[[np.ndarray], np.ndarray]


class Model(Protocol):
    """What a model gives the path; `u2net.RembgModel` is one."""

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32."""

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32 in [0, 1]."""


@dataclass(frozen=True)
class Scores:
    """The model's map (S, S) float32 before stretching, and the quality signals made from it."""

    map: np.ndarray
    signals: dict


def scores_of(rgb: np.ndarray, options: Options, model: Model, infer: Infer) -> Scores:
    """Ask the model once, or in `best` quality for every view."""
    tensor = model.prepare(rgb, options.input_size, options.fit)
    if options.quality == "standard":
        scores = infer(tensor)
        return Scores(scores, quality.signals(scores).as_dict())
    raise NotImplementedError

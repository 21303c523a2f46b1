"""What the model thinks of a picture: one view of it, or several in one map."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cutout import quality
from cutout.options import Options

Infer = Callable[[np.ndarray], np.ndarray]


class Model(Protocol):
    """What a model gives the path; `u2net.RembgModel` is one."""

    input_size: int

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32."""

    def visible(self, scores: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
        """(S, S) float32 -> the part of it that shows the picture of `size`."""

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32 in [0, 1]."""


@dataclass(frozen=True)
class Scores:
    """The model's map (S, S) float32 before stretching, and the quality signals made from it."""

    map: np.ndarray
    signals: dict


def scores_of(rgb: np.ndarray, options: Options, model: Model, infer: Infer) -> Scores:
    """Ask the model once, or in `best` quality for every view, and judge what it says."""
    if options.quality == "best":
        return best_scores(rgb, options, model, infer)
    scores = infer(model.prepare(rgb, options.input_size, options.fit))
    return Scores(scores, judged(scores, (), rgb.shape[:2], options, model))


def best_scores(rgb: np.ndarray, options: Options, model: Model, infer: Infer) -> Scores:
    """The views of `quality.best_views` in one map; their agreement sharpens the predicted IoU."""
    looks = quality.best_views(options.input_size or model.input_size)
    tensors = quality.tensors(lambda side: model.prepare(rgb, side, options.fit), looks)
    maps = [infer(tensor) for tensor in tensors]
    views = quality.aligned(maps, looks)
    merged = quality.voted(views, looks)
    return Scores(merged, judged(merged, views, rgb.shape[:2], options, model))


def judged(scores: np.ndarray, views: list | tuple, size: tuple, options: Options, model: Model):
    """Quality signals of the map without its padding, as a dictionary for JSON."""
    shown = [model.visible(view, size, options.fit) for view in views]
    return quality.signals(model.visible(scores, size, options.fit), shown).as_dict()

"""What the model says of an image: one view of it, or several merged into one map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cutout import quality
from cutout.models import processing
from cutout.options import Options

if TYPE_CHECKING:
    from cutout.pipeline.frame import Frame, Job

Infer = Callable[[np.ndarray], np.ndarray]


class Model(Protocol):
    """What a model gives the pipeline; `u2net.RembgModel` is one."""

    input_size: int

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32."""

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32 in [0, 1], a new array."""


@dataclass(frozen=True)
class ScoreMap:
    """The model's map (S, S) float32 before stretching, and the quality signals made from it."""

    map: np.ndarray
    signals: dict[str, object]


def views_for(options: Options, model: Model) -> tuple[quality.View, ...]:
    """The views of the image that the model is to see: one, or those of `quality=best`."""
    size = options.input_size or model.input_size
    return quality.best_views(size) if options.quality == "best" else (quality.View(size),)


def input_sides(options: Options, model: Model) -> set[int]:
    """Sides (px) of the squares that the model will be given."""
    return {view.size for view in views_for(options, model)}


def prepare(frame: Frame, job: Job) -> Frame:
    """Make the model's inputs, one a view."""
    fit = job.options.fit
    views = views_for(job.options, job.model)
    tensors = quality.tensors(lambda side: job.model.prepare(frame.rgb, side, fit), views)
    return replace(frame, tensors=tuple(tensors))


def infer(frame: Frame, job: Job) -> Frame:
    """Ask the model for every view and merge what it says into one map with its signals."""
    maps = [job.infer(tensor) for tensor in frame.tensors]
    return replace(frame, tensors=(), scores=merge(maps, frame.size, job.options, job.model))


def merge(
    maps: Sequence[np.ndarray], size: tuple[int, int], options: Options, model: Model
) -> ScoreMap:
    """One map from those of the views, in their order; their agreement sharpens the signals.

    maps: (S, S) float32 each; size: (height, width) of the image.
    """
    views = views_for(options, model)
    if len(views) == 1:
        return ScoreMap(maps[0], signals(maps[0], (), size, options.fit))
    aligned = quality.aligned(maps, views)
    merged = quality.voted(aligned, views)
    return ScoreMap(merged, signals(merged, aligned, size, options.fit))


def signals(
    scores: np.ndarray, views: Sequence[np.ndarray], size: tuple[int, int], fit: str
) -> dict[str, object]:
    """Quality signals of the map without its padding, as a dictionary for JSON."""
    shown = [processing.visible(view, size, fit) for view in views]
    return quality.signals(processing.visible(scores, size, fit), shown).as_dict()

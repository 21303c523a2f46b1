"""What the model says of an image: one view of it, or several merged into one map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cutout import quality
from cutout.errors import InvalidValue
from cutout.models import processing
from cutout.models.table import Calibration
from cutout.options import Options

if TYPE_CHECKING:
    from cutout.pipeline.frame import Frame, Job

Infer = Callable[[np.ndarray], np.ndarray]


class Model(Protocol):
    """What a model gives the pipeline; `u2net.RembgModel` is one."""

    input_size: int
    input_sizes: tuple[int, ...]
    calibration: Calibration | None

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
    """The views of the image that the model is to see: one, or those of `quality=best`.

    Raises InvalidValue for an input size that the model does not take.
    """
    size = options.input_size or model.input_size
    if size not in model.input_sizes:
        sizes = ", ".join(map(str, model.input_sizes))
        raise InvalidValue(
            f"This model takes the input size {sizes}, not {size}.",
            field="input_size",
            allowed=list(model.input_sizes),
        )
    if options.quality == "best":
        return quality.best_views(size, scalable=len(model.input_sizes) > 1)
    return (quality.View(size),)


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
        shown = processing.visible(maps[0], size, options.fit)
        return ScoreMap(maps[0], quality.signals(shown, (), model.calibration).as_dict())
    aligned = quality.aligned(maps, views)
    merged = quality.voted(aligned, views)
    shown, *each = (processing.visible(one, size, options.fit) for one in (merged, *aligned))
    return ScoreMap(merged, quality.signals(shown, each, model.calibration).as_dict())

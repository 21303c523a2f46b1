"""What the model says of an image: one view of it, or several merged into one map."""

from __future__ import annotations

from collections.abc import Callable
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
    """The model's map (S, S) float32 before stretching, and the views it was merged from.

    views: (h, w) float32 each, raw, without padding; none where the map is the only one.
    """

    map: np.ndarray
    views: tuple[np.ndarray, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.map.nbytes * (1 + len(self.views))

    def corrected(self, alpha: np.ndarray, size: tuple[int, int], fit: str) -> ScoreMap:
        """The map as a person has corrected it; alpha: (H, W), made of it and the strokes."""
        scores = self.map.copy()
        shown = processing.visible(scores, size, fit)
        shown[:] = quality.at_size(alpha, shown.shape)
        return ScoreMap(scores)


def input_side(options: Options, model: Model) -> int:
    """Side (px) of the square that the model will be given.

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
    return size


def prepare(frame: Frame, job: Job) -> Frame:
    """Make the model's input."""
    side = input_side(job.options, job.model)
    return replace(frame, tensors=(job.model.prepare(frame.rgb, side, job.options.fit),))


def infer(frame: Frame, job: Job) -> Frame:
    """Ask the model, and with `quality=best` look again where it is not sure."""
    (tensor,) = frame.tensors
    first = job.infer(tensor)
    best = job.options.quality == "best"
    scores = second_look(frame, job, first) if best else ScoreMap(first)
    return replace(frame, tensors=(), scores=scores)


def second_look(frame: Frame, job: Job, first: np.ndarray) -> ScoreMap:
    """The map (S, S) merged with those of two further views, mirrored and near, if it needs them.

    Three passes in place of one; what decides and what may change: `quality.views`.
    """
    fit, size = job.options.fit, frame.size
    visible = processing.visible(first, size, fit)
    calibration = job.model.calibration
    if not quality.needs_second_look(visible, calibration):
        return ScoreMap(first)
    (tensor,) = frame.tensors
    mirrored = quality.mirrored(job.infer(quality.mirrored(tensor)))
    views = [visible, processing.visible(mirrored, size, fit), _near_view(frame, job, visible)]
    merged = first.copy()
    processing.visible(merged, size, fit)[:] = quality.merge(views, calibration)
    return ScoreMap(merged, tuple(views))


def _near_view(frame: Frame, job: Job, visible: np.ndarray) -> np.ndarray:
    """What the model says of the part of the image around the subject, in the map of the whole."""
    box = quality.near_box(visible)
    (height, width), fit = frame.size, job.options.fit
    down, across = height / visible.shape[0], width / visible.shape[1]
    top, bottom = round(box[0] * down), round((box[0] + box[2]) * down)
    left, right = round(box[1] * across), round((box[1] + box[3]) * across)
    part = np.ascontiguousarray(frame.rgb[top : max(bottom, top + 1), left : max(right, left + 1)])
    scores = job.infer(job.model.prepare(part, input_side(job.options, job.model), fit))
    near = processing.visible(scores, (part.shape[0], part.shape[1]), fit)
    return quality.placed(near, box, (visible.shape[0], visible.shape[1]))


def assess(frame: Frame, job: Job) -> Frame:
    """Estimate the quality of the final alpha by the maps."""
    scores = processing.visible(frame.score_map.map, frame.size, job.options.fit)
    signals = quality.signals(
        scores,
        frame.score_map.views,
        frame.matte,
        calibration=job.model.calibration,
        recalibration=job.recalibration,
    )
    return replace(frame, signals=signals.as_dict())

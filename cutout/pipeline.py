"""One picture through the whole path, shared by the service, the commands and `RembgModel`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from . import images, quality
from .options import Options
from .telemetry import Stages

Infer = Callable[[np.ndarray], np.ndarray]


class Model(Protocol):
    """What a model gives the path; `u2net.RembgModel` is one."""

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32."""

    def finish(self, scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32 in [0, 1]."""


@dataclass(frozen=True)
class Result:
    """A finished picture: `cutout` (H, W, 4) uint8 and what is known of it."""

    cutout: np.ndarray
    signals: dict
    icc: bytes | None = None

    def encode(self) -> bytes:
        """Return the result as the bytes of an image file."""
        return images.encode(self.cutout, "png", icc=self.icc)


def matte(
    picture: images.Picture, options: Options, model: Model, infer: Infer, stages: Stages
) -> tuple[np.ndarray, dict]:
    """Alpha (H, W) of a picture, its own transparency multiplied in, and the quality signals."""
    with stages("prepare"):
        tensor = model.prepare(picture.rgb)
    with stages("model"):
        scores = infer(tensor)
    with stages("finish"):
        signals = quality.signals(scores).as_dict()
        alpha = model.finish(scores, picture.rgb.shape[:2])
        if picture.alpha is not None:
            alpha = alpha * picture.alpha
    return alpha, signals


def cut_out(
    picture: images.Picture, options: Options, model: Model, infer: Infer, stages: Stages
) -> Result:
    """Cut the subject out of one picture.

    `infer` maps one tensor (3, S, S) to its scores (S, S): the model's own, or a batcher's.
    """
    alpha, signals = matte(picture, options, model, infer, stages)
    with stages("compose"):
        cutout = images.compose(picture.rgb, alpha)
    return Result(cutout, signals, picture.icc)

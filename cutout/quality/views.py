"""Several looks at one picture, mirrored and at another size, and their mean: quality=best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cutout.quality.maps import checked, resized


@dataclass(frozen=True)
class View:
    """How the model looks once: at which input size (px, square), mirrored left to right or not."""

    size: int
    mirror: bool = False


# The first view is what quality=standard sees; the others cost one pass each.
STANDARD = (View(320),)
BEST = (View(320), View(320, mirror=True), View(384), View(384, mirror=True))


def tensors(prepare: Callable[[int], np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """One model input a view; `prepare(size)` gives the picture's tensor and runs once a size.

    Returns (3, size, size) float32 each, contiguous, in the order of the views.
    """
    straight = {size: prepare(size) for size in {view.size for view in views}}
    looks = [straight[v.size][:, :, ::-1] if v.mirror else straight[v.size] for v in views]
    return [np.ascontiguousarray(look) for look in looks]


def aligned(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """Raw scores of the views, mirrored back and brought to the first view's size, unstretched."""
    size = checked(scores[0]).shape[0]
    back = [
        checked(one)[:, ::-1] if view.mirror else checked(one)
        for one, view in zip(scores, views, strict=True)
    ]
    return [one if one.shape[0] == size else resized(one, size) for one in back]


def merge(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> np.ndarray:
    """The views' mean as one map of raw scores, (S, S) float32, for finish() and signals().

    Raw, not stretched: a view that found nothing must not shout.
    """
    return np.mean(aligned(scores, views), axis=0, dtype=np.float32)

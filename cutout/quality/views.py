"""Several looks at one picture, mirrored or at another size, and their mean: quality=best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cutout.quality.maps import checked, resized


@dataclass(frozen=True)
class View:
    """How the model looks once: at which input size (px, square), mirrored left to right or not."""

    size: int
    mirror: bool = False


def best_views(size: int = 320) -> tuple[View, ...]:
    """The views of quality=best: as it is and mirrored, twice the passes of quality=standard.

    A second size was tried and left out: mean of 320 and 384 px is worse than 320 px alone on
    photographs as small as those of ECSSD, and needs a second compiled graph.
    """
    return View(size), View(size, mirror=True)


BEST = best_views()


def tensors(prepare: Callable[[int], np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """One model input a view; `prepare(size)` gives the picture's tensor and runs once a size.

    Returns (3, size, size) float32 each, contiguous, in the order of the views.
    """
    straight = {size: prepare(size) for size in {view.size for view in views}}
    looks = [straight[v.size][:, :, ::-1] if v.mirror else straight[v.size] for v in views]
    return [np.ascontiguousarray(look) for look in looks]


def aligned(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """The views' raw scores mirrored back and brought to the first view's size, each (S, S)."""
    size = checked(scores[0]).shape[0]
    back = [
        checked(one)[:, ::-1] if view.mirror else checked(one)
        for one, view in zip(scores, views, strict=True)
    ]
    return [one if one.shape[0] == size else resized(one, size) for one in back]


def merge(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> np.ndarray:
    """The views' mean as one map of raw scores, (S, S) float32, for finish() and signals().

    scores: as the model gave them, not yet aligned. Raw, not stretched: a view that found nothing
    must not shout.
    """
    return np.mean(aligned(scores, views), axis=0, dtype=np.float32)

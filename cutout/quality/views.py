"""Several views of one image, mirrored or at another size, merged to one map: quality=best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cutout.quality.maps import checked, resized
from cutout.quality.predicted import predicted_iou

# Input sizes that U²-Net's five halvings divide (px); larger squares are models of other kinds.
STEP = 32
LARGEST = 512
# Power of the mean over the views that is their vote, and power of each view's predicted IoU in its
# weight. The plain mean leaves a part that half of the views found at 0.5, where rounding decides;
# the root of the mean square puts it at 0.71. Ties go to the subject because the best threshold for
# IoU lies at IoU / (1 + IoU), always under a half. For F1: Lipton et al., 2014.
POWER, WEIGHT_POWER = 2, 2


@dataclass(frozen=True)
class View:
    """One input to the model: its size (px, square), mirrored left to right or not.

    weight: of its vote in the merged map, relative to the other views.
    """

    size: int
    mirror: bool = False
    weight: float = 1


def best_views(size: int = 320, scalable: bool = True) -> tuple[View, ...]:
    """The views of quality=best: as it is, mirrored, and mirrored at a larger size.

    At 320 px: 320 twice and 384 once, 3.4 times the work of quality=standard and a second compiled
    graph. What the unmirrored view found stays, and what both others found is added; one of them
    alone decides only where it is more certain than the rest. Models with inputs over LARGEST, or
    not scalable, have one size: mirrored only, twice the work. Smaller, padded or zoomed views, a
    second pass on a crop, and the graph's side outputs were tried and left out.
    """
    if size > LARGEST or not scalable:
        return View(size), View(size, mirror=True)
    return View(size, weight=2), View(size, mirror=True), View(larger(size), mirror=True)


def larger(size: int) -> int:
    """Six fifths of a size (px), in whole steps: 320 -> 384."""
    return size * 6 // 5 // STEP * STEP


BEST = best_views()


def tensors(prepare: Callable[[int], np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """One model input a view; `prepare(size)` gives the image's tensor and runs once a size.

    Returns (3, size, size) float32 each, contiguous, in the order of the views.
    """
    by_size = {size: prepare(size) for size in {view.size for view in views}}
    return [
        np.ascontiguousarray(by_size[view.size][:, :, :: -1 if view.mirror else 1])
        for view in views
    ]


def aligned(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> list[np.ndarray]:
    """The views' raw scores mirrored back and scaled to the first view's size, each (S, S)."""
    size = checked(scores[0]).shape[0]
    back = [
        checked(one)[:, ::-1] if view.mirror else checked(one)
        for one, view in zip(scores, views, strict=True)
    ]
    return [one if one.shape[0] == size else resized(one, size) for one in back]


def merge(scores: Sequence[np.ndarray], views: Sequence[View] = BEST) -> np.ndarray:
    """The views as one map of raw scores, (S, S) float32, for finish() and signals().

    scores: as the model gave them, not yet aligned. Raw, not stretched: a view that found nothing
    must not dominate.
    """
    return voted(aligned(scores, views), views)


def voted(maps: Sequence[np.ndarray], views: Sequence[View] = BEST) -> np.ndarray:
    """Aligned raw maps (S, S) merged: a vote decides the side, the views that agree the value.

    The vote is the weighted power mean, compared with the middle of its range; views of a lower
    predicted IoU weigh less. The vote's own values would leave a disputed part grey, and steps that
    follow the image's edges would lose it.
    """
    clipped = np.clip(maps, 0, 1)
    view_weights = [
        view.weight * predicted_iou(one) ** WEIGHT_POWER
        for view, one in zip(views, maps, strict=True)
    ]
    weights = np.array(view_weights, np.float32)[:, None, None]
    vote = ((weights * clipped ** np.float32(POWER)).sum(axis=0) / weights.sum()) ** (1 / POWER)
    middle = (vote.min() + vote.max()) / 2
    agreeing_weights = weights * ((clipped > middle) == (vote > middle))
    total = agreeing_weights.sum(axis=0)
    # Rounding alone can leave no view on that side: on flat maps, where the vote is the value.
    values: np.ndarray = np.divide(
        (agreeing_weights * clipped).sum(axis=0), total, out=vote.copy(), where=total > 0
    )
    return values.astype(np.float32)

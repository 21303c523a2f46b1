"""Several looks at one picture, mirrored or at another size, made one map: quality=best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cutout.quality.maps import checked, resized
from cutout.quality.predicted import predicted_iou

# Input sizes that U²-Net's five halvings divide (px); larger squares are models of other kinds.
STEP = 32
LARGEST = 512
# Power of the mean over the views that makes their vote, and power of each view's predicted IoU in
# its weight. The plain mean leaves a part that half of the views saw at 0.5, where rounding
# decides; the root of the mean square puts it at 0.71. Ties go to the subject because the best cut
# for IoU lies at IoU / (1 + IoU), always under a half. For F1: Lipton et al., 2014.
POWER, WEIGHT_POWER = 2, 2


@dataclass(frozen=True)
class View:
    """How the model looks once: at which input size (px, square), mirrored left to right or not.

    weight: of its vote on the merged map, relative to the other views.
    """

    size: int
    mirror: bool = False
    weight: float = 1


def best_views(size: int = 320) -> tuple[View, ...]:
    """The views of quality=best: as it is, mirrored, and mirrored at a larger size.

    At 320 px: 320 twice and 384 once, 3.4 times the work of quality=standard and a second compiled
    graph. What the straight view found stays, and what both others found joins it; one of them
    alone convinces only where it is surer of itself than the rest. Models with squares over LARGEST
    have one size: mirrored only, twice the work. Smaller, padded or zoomed views, a closer second
    look and the graph's side outputs were tried and left out.
    """
    if size > LARGEST:
        return View(size), View(size, mirror=True)
    return View(size, weight=2), View(size, mirror=True), View(larger(size), mirror=True)


def larger(size: int) -> int:
    """Six fifths of a size (px), in whole steps: 320 -> 384."""
    return size * 6 // 5 // STEP * STEP


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
    """The views as one map of raw scores, (S, S) float32, for finish() and signals().

    scores: as the model gave them, not yet aligned. Raw, not stretched: a view that found nothing
    must not shout.
    """
    return voted(aligned(scores, views), views)


def voted(maps: Sequence[np.ndarray], views: Sequence[View] = BEST) -> np.ndarray:
    """Aligned raw maps (S, S) as one: a vote takes the side, the views on that side the value.

    The vote is the weighted power mean, against the middle of its range; a view that doubts itself
    weighs less. The vote's own values would leave a disputed part grey, and steps that follow the
    picture's edges would lose it.
    """
    looks = np.clip(maps, 0, 1)
    view_weights = [
        view.weight * predicted_iou(one) ** WEIGHT_POWER
        for view, one in zip(views, maps, strict=True)
    ]
    weights = np.array(view_weights, np.float32)[:, None, None]
    vote = ((weights * looks ** np.float32(POWER)).sum(axis=0) / weights.sum()) ** (1 / POWER)
    middle = (vote.min() + vote.max()) / 2
    agreeing_weights = weights * ((looks > middle) == (vote > middle))
    total = agreeing_weights.sum(axis=0)
    # Rounding alone can leave a side without voters: on flat maps, where the vote is the value.
    values = np.divide(
        (agreeing_weights * looks).sum(axis=0), total, out=vote.copy(), where=total > 0
    )
    return values.astype(np.float32)

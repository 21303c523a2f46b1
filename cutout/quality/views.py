"""A second look at an image, mirrored and nearer: quality=best.

Where two maps of one image differ in a part, neither is right much more often: on ECSSD a mirrored
image corrects about as many large parts as it spoils. So further views change a part only where all
of them agree, and decide on parts of any size only where the first map is unsure of the image.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from cutout.models.table import Calibration
from cutout.quality import maps
from cutout.quality.predicted import predicted_iou

Box = tuple[int, int, int, int]

# Predicted IoU of the first map from which it is taken as it is, and below which the views may
# change parts of any size.
SURE, UNSURE = 0.9, 0.6
# The largest part that is changed between the two, as a share of the subject, and the largest where
# each of the further views has it the other way.
MAX_CHANGE, MAX_AGREED_CHANGE = 0.001, 0.08
# The near view shows what is above this level of the map, with this share of its sides around.
NEAR_LEVEL, NEAR_MARGIN = 0.3, 0.2
# Weight of the first view, beside the predicted IoU, against 1 of the others.
FIRST_WEIGHT = 2
# Power of the mean over the views that is their vote, and power of each view's predicted IoU in its
# weight. The plain mean leaves a part that half of the views found at 0.5, where rounding decides;
# the root of the mean square puts it at 0.71. Ties go to the subject because the best threshold for
# IoU lies at IoU / (1 + IoU), always under a half. For F1: Lipton et al., 2014.
POWER, WEIGHT_POWER = 2, 2
# Pixels of the map over which a refused part fades into what is around it, at 320 px.
FADE = 9


def needs_second_look(scores: np.ndarray, calibration: Calibration | None = None) -> bool:
    """Whether further views of the image can improve its map (h, w), raw and without padding.

    calibration: of the model, U²-Net's by default.
    """
    return predicted_iou(maps.checked(scores), calibration=calibration) < SURE


def mirrored(array: np.ndarray) -> np.ndarray:
    """The same from right to left, (..., w) contiguous: an input to the model, or its map."""
    return np.ascontiguousarray(array[..., ::-1])


def near_box(scores: np.ndarray) -> Box:
    """What the near view shows: (top, left, height, width) in pixels of the map (h, w)."""
    mask = maps.stretched(maps.checked(scores)) > NEAR_LEVEL
    if not mask.any():
        return 0, 0, *mask.shape
    spans = [_widened(np.flatnonzero(mask.any(axis=1 - axis)), mask.shape[axis]) for axis in (0, 1)]
    (top, bottom), (left, right) = spans
    return top, left, bottom - top, right - left


def _widened(places: np.ndarray, length: int) -> tuple[int, int]:
    """First place and the one after the last, with the margin, inside `length`."""
    first, end = int(places[0]), int(places[-1]) + 1
    margin = round(NEAR_MARGIN * (end - first))
    return max(0, first - margin), min(length, end + margin)


def placed(near: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The near view's map brought to its box in a map of `size` (h, w); zero around it."""
    top, left, height, width = box
    whole = np.zeros(size, np.float32)
    whole[top : top + height, left : left + width] = cv2.resize(
        maps.checked(near), (width, height), interpolation=cv2.INTER_AREA
    )
    return whole


def merge(views: Sequence[np.ndarray], calibration: Calibration | None = None) -> np.ndarray:
    """The views (h, w) raw, the first one first, as one map of raw scores (h, w) float32."""
    predictions = [predicted_iou(maps.checked(view), calibration=calibration) for view in views]
    vote = voted(views, predictions)
    return vote if predictions[0] < UNSURE else limited(views, vote)


def voted(views: Sequence[np.ndarray], predictions: Sequence[float]) -> np.ndarray:
    """Raw maps (h, w) merged: a vote decides the side, the views that agree the value.

    predictions: the predicted IoU of each view. The vote is the weighted power mean, compared with
    the middle of its range; views of a lower predicted IoU weigh less. The vote's own values would
    leave a disputed part grey, and steps that follow the image's edges would lose it. Raw, not
    stretched: a view that found nothing must not dominate.
    """
    clipped = np.clip(views, 0, 1)
    view_weights = np.array(predictions, np.float32) ** WEIGHT_POWER
    view_weights[0] *= FIRST_WEIGHT
    weights = view_weights[:, None, None]
    vote = ((weights * clipped ** np.float32(POWER)).sum(axis=0) / weights.sum()) ** (1 / POWER)
    middle = (vote.min() + vote.max()) / 2
    agreeing_weights = weights * ((clipped > middle) == (vote > middle))
    total = agreeing_weights.sum(axis=0)
    # Rounding alone can leave no view on that side: on flat maps, where the vote is the value.
    values: np.ndarray = np.divide(
        (agreeing_weights * clipped).sum(axis=0), total, out=vote.copy(), where=total > 0
    )
    return values.astype(np.float32)


def limited(views: Sequence[np.ndarray], vote: np.ndarray) -> np.ndarray:
    """The vote, but the first view where a part differs that is too large for what backs it."""
    first, *others = views
    subject = maps.stretched(first) > 0.5
    changed = (maps.stretched(vote) > 0.5) != subject
    differing = [(maps.stretched(view) > 0.5) != subject for view in others]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        changed.astype(np.uint8), connectivity=4
    )

    def is_too_large(part: int) -> bool:
        share = stats[part, cv2.CC_STAT_AREA] / max(subject.sum(), 1)
        if share <= MAX_CHANGE:
            return False
        inside = labels == part
        agreed = all(view[inside].mean() > 0.5 for view in differing)
        return bool(share > MAX_AGREED_CHANGE or not agreed)

    refused_parts = [part for part in range(1, count) if is_too_large(part)]
    if not refused_parts:
        return vote
    side = max(1, round(FADE * max(first.shape) / 320))
    refused = np.isin(labels, refused_parts).astype(np.uint8)
    refused = cv2.dilate(refused, np.ones((side, side), np.uint8))
    share = cv2.GaussianBlur(refused.astype(np.float32), (0, 0), side / 4)
    kept: np.ndarray = vote + share * (np.clip(first, 0, 1) - vote)
    return kept

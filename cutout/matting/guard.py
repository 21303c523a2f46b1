"""What matting may not change: parts of which the model was sure, and large parts without reason.

Equations of colours know no objects: they dissolve thin legs in front of a ground of their colour,
and take ground that has the subject's colour for subject.
"""

import cv2
import numpy as np

from cutout.matting.colour_prior import colour_prior
from cutout.matting.trimap import SHARE, SUBJECT, UNKNOWN, automatic_trimap

# The model is sure of a pixel from this alpha on, and in thin parts from the second.
SURE, SURE_THIN = 0.98, 0.9
# The model's edge may be off by a cell of its grid.
CELLS = 320
# A part that changes sides is large from this share of the subject on. It may where the model's
# mean alpha in it is between these. Where the model has no subject, a decided matte and colours
# that say the same may still add the part; where it has one, nothing takes it away.
MAX_CHANGE, UNSURE = 0.02, (0.3, 0.7)
DECIDED, COLOUR_DECIDED = 0.9, 0.8
# Where the model is unsure of more than this share of the image its map is no guide.
MAX_UNKNOWN = 0.4
# Longest side (px) of the copy on which parts are found.
COPY = 640


def guarded(
    rgb: np.ndarray, alpha: np.ndarray, aligned: np.ndarray, solved: np.ndarray
) -> np.ndarray:
    """The solved matte without what matting had no reason to change: (H, W) float32, new.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the model's, from which the trimap was made;
    aligned: (H, W) float32, the matte without matting, which large refused parts get; solved:
    (H, W) float32.
    """
    kept = np.where(sure_parts(alpha), np.maximum(solved, alpha), solved)
    share = refused_share(rgb, alpha, aligned, kept)
    if share is None:
        return kept
    share = cv2.resize(share, alpha.shape[::-1])
    guarded: np.ndarray = kept + share * (aligned - kept)
    return guarded


def sure_parts(alpha: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool that are subject in the model's map alpha (H, W), wherever its edge is.

    Sure pixels farther inside than the map is precise; in parts that the erosion of the automatic
    trimap leaves nothing of, less sure ones too.
    """
    precision = max(alpha.shape) / CELLS
    radius = max(1.0, round(SHARE * float(np.hypot(*alpha.shape))))
    sure = _depth(alpha >= SURE) > precision
    depth = _depth(alpha >= SURE_THIN)
    thick = _depth(depth <= radius) <= radius + 1
    parts: np.ndarray = sure | ((depth > precision) & ~thick)
    return parts


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance (px) of each pixel of a mask from the rest; without a rest, everything is deep."""
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    distance: np.ndarray = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return distance


def refused_share(
    rgb: np.ndarray, alpha: np.ndarray, aligned: np.ndarray, solved: np.ndarray
) -> np.ndarray | None:
    """How far (h, w), 0 to 1, the aligned matte replaces the solved one, on a copy of COPY px.

    None for nowhere.
    """
    rgb, alpha, aligned, solved = (_copy(one) for one in (rgb, alpha, aligned, solved))
    trimap = automatic_trimap(alpha)
    if (trimap == UNKNOWN).mean() > MAX_UNKNOWN:
        return None
    refused = _refused(rgb, alpha, trimap, solved, before=aligned > 0.5)
    if not refused.any():
        return None
    side = (2 * max(1, round(SHARE * float(np.hypot(*alpha.shape)))) + 1,) * 2
    wider = cv2.dilate(refused.astype(np.uint8), np.ones(side, np.uint8))
    share: np.ndarray = cv2.blur(wider.astype(np.float32), side)
    return share


def _refused(
    rgb: np.ndarray,
    alpha: np.ndarray,
    trimap: np.ndarray,
    solved: np.ndarray,
    *,
    before: np.ndarray,
) -> np.ndarray:
    """Pixels of the large parts that changed sides without a reason, (h, w) bool."""
    changed = ((solved > 0.5) != before).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(changed)
    limit = MAX_CHANGE * max(int(np.count_nonzero(before)), 1)
    large = [part for part in range(1, count) if stats[part, cv2.CC_STAT_AREA] > limit]
    if not large:
        return np.zeros(before.shape, bool)
    colours = (trimap == SUBJECT).astype(np.float64)
    colours[trimap == UNKNOWN] = colour_prior(rgb / 255.0, trimap).alpha

    low, high = UNSURE

    def has_reason(part: int) -> bool:
        inside = labels == part
        model = alpha[inside].mean()
        if model < low:
            return bool(
                solved[inside].mean() >= DECIDED and colours[inside].mean() >= COLOUR_DECIDED
            )
        return bool(model <= high)

    refused: np.ndarray = np.isin(labels, [part for part in large if not has_reason(part)])
    return refused


def _copy(image: np.ndarray) -> np.ndarray:
    """The image with its longer side at most COPY; itself where it is."""
    scale = COPY / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small: np.ndarray = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small

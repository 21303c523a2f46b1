"""How well the outlines of two masks agree."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from cutout.measures.checks import check_masks
from cutout.measures.counts import count
from cutout.measures.curves import f_measure

# Cheng et al. take 2 % of the picture's diagonal; half a percent looks at the edge alone.
BAND, FINE_BAND = 0.02, 0.005


def inner_band(mask: np.ndarray, width_px: int) -> np.ndarray:
    """The pixels of a mask within `width_px` of its outline, (H, W) bool.

    The picture's frame counts as outline: beyond it is background.
    """
    inside = mask.view(np.uint8)
    for axis in (0, 1):
        inside = ndimage.minimum_filter1d(inside, 2 * width_px + 1, axis=axis, mode="constant")
    return mask & ~inside.view(bool)


def boundary_iou(pred: np.ndarray, truth: np.ndarray, band: float = BAND) -> float:
    """IoU of the two inner bands, in [0, 1], higher is better; two empty masks score 1.

    pred, truth: (H, W) bool. band: width as a share of the diagonal, at least one pixel.
    Cheng et al., Boundary IoU, 2021.
    """
    check_masks(pred, truth)
    width_px = max(1, round(band * float(np.hypot(*truth.shape))))
    return count(inner_band(pred, width_px), inner_band(truth, width_px)).iou


def _share_near(points: np.ndarray, others: np.ndarray, slack_px: int) -> float:
    """Share of the points of one mask within a distance of the other's, both not empty."""
    # Outlines are thin: a tree of their pixels is far cheaper than a map of distances.
    gaps, _ = cKDTree(np.argwhere(others)).query(
        np.argwhere(points), distance_upper_bound=slack_px + 1e-6
    )
    return float(np.isfinite(gaps).mean())


def relaxed_boundary_f(pred: np.ndarray, truth: np.ndarray, slack_px: int = 3) -> float:
    """F (β² = 0.3) of one-pixel outlines that may be `slack_px` apart, in [0, 1].

    pred, truth: (H, W) bool. Higher is better; two masks without outline score 1, one without
    scores 0. Ehrig and Euzenat, 2005, as used by Qin et al., BASNet, 2019.
    """
    check_masks(pred, truth)
    ours, theirs = inner_band(pred, 1), inner_band(truth, 1)
    if not (ours.any() and theirs.any()):
        return float(ours.any() == theirs.any())
    return float(
        f_measure(_share_near(ours, theirs, slack_px), _share_near(theirs, ours, slack_px))
    )

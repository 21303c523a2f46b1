"""How well the outlines of two masks agree.

scipy is imported in the functions: a server starts sooner without it.
"""

import numpy as np

from cutout.measures.checks import check_masks
from cutout.measures.counts import count
from cutout.measures.curves import f_measure

# Band widths as shares of the image's diagonal: 2 % is that of Cheng et al.; 0.5 % measures
# little more than the edge.
BAND, FINE_BAND = 0.02, 0.005


def inner_band(mask: np.ndarray, width_px: int) -> np.ndarray:
    """The pixels of a mask within `width_px` of its outline, (H, W) bool.

    The image border counts as outline: what lies outside the image is background.
    """
    from scipy import ndimage

    inside = mask.view(np.uint8)
    for axis in (0, 1):
        inside = ndimage.minimum_filter1d(inside, 2 * width_px + 1, axis=axis, mode="constant")
    band: np.ndarray = mask & ~inside.view(bool)
    return band


def boundary_iou(pred: np.ndarray, truth: np.ndarray, band: float = BAND) -> float:
    """IoU of the two inner bands, in [0, 1], higher is better; two empty masks score 1.

    pred, truth: (H, W) bool. band: width as a share of the diagonal, at least one pixel.
    Cheng et al., Boundary IoU, 2021.
    """
    check_masks(pred, truth)
    width_px = max(1, round(band * float(np.hypot(*truth.shape))))
    return count(inner_band(pred, width_px), inner_band(truth, width_px)).iou


def _share_within(outline: np.ndarray, other: np.ndarray, tolerance_px: int) -> float:
    """Share of an outline's pixels that lie within a distance of the other; neither is empty."""
    from scipy.spatial import cKDTree

    # Outlines are thin: a k-d tree of their pixels is far cheaper than a distance transform.
    distances, _ = cKDTree(np.argwhere(other)).query(
        np.argwhere(outline), distance_upper_bound=tolerance_px + 1e-6
    )
    return float(np.isfinite(distances).mean())


def relaxed_boundary_f(pred: np.ndarray, truth: np.ndarray, tolerance_px: int = 3) -> float:
    """F (β² = 0.3) of one-pixel outlines that may be `tolerance_px` apart, in [0, 1].

    pred, truth: (H, W) bool. Higher is better; two masks without outline score 1, one without
    scores 0. Ehrig and Euzenat, 2005, as used by Qin et al., BASNet, 2019.
    """
    check_masks(pred, truth)
    pred_outline, true_outline = inner_band(pred, 1), inner_band(truth, 1)
    if not (pred_outline.any() and true_outline.any()):
        return float(pred_outline.any() == true_outline.any())
    precision = _share_within(pred_outline, true_outline, tolerance_px)
    recall = _share_within(true_outline, pred_outline, tolerance_px)
    return float(f_measure(precision, recall))

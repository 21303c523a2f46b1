"""Features that predict the IoU of a mask without ground truth.

Two: the IoU that the map itself expects, and its thick uncertainty, which is uncertain regions
wider than a soft edge. Both are larger where the mask is more likely right, and relative to the
subject, so that neither its size nor the map's matters. Also tried and left out, since they added
nothing to these: agreement with the graph's six side outputs, components, border contact,
compactness, coverage.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from cutout.quality import maps

# Features are measured on this grid (px), whatever the model's input size.
GRID = 320
# These keep logarithms finite; no map of this model is more certain.
LOGIT_FLOOR = 0.005
UNCERTAINTY_FLOOR = 0.002


def logit(share: float) -> float:
    """log(p / (1 - p)) of a share, clipped to LOGIT_FLOOR from 0 and 1."""
    share = min(max(share, LOGIT_FLOOR), 1 - LOGIT_FLOOR)
    return float(np.log(share / (1 - share)))


def soft_iou(mask: np.ndarray, alpha: np.ndarray) -> float:
    """Expected IoU of a mask if `alpha` is the probability of each pixel to be subject.

    mask: (H, W) bool; alpha: (H, W) in [0, 1]. 0 where both are empty.
    """
    both, either = alpha[mask].sum(), mask.sum() + alpha[~mask].sum()
    return float(both / either) if either else 0.0


def thick_uncertainty(mask: np.ndarray, alpha: np.ndarray) -> float:
    """Uncertainty left after an erosion, per pixel of subject: regions, not soft edges.

    mask: (H, W) bool; alpha: (H, W) in [0, 1]. 0 for a map of zeros and ones; an empty mask counts
    as one pixel. Uncertainty is 4 a (1 - a); the 3 x 3 minimum at half the size removes what is
    thinner than an edge (about 6 px of the grid).
    """
    uncertainty = cv2.erode(halved(4 * alpha * (1 - alpha)), np.ones((3, 3), np.uint8))
    return float(4 * uncertainty.sum() / max(mask.sum(), 1))


def halved(grid: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 blocks: (H, W), both even, to (H / 2, W / 2)."""
    rows = grid[::2] + grid[1::2]
    means: np.ndarray = (rows[:, ::2] + rows[:, 1::2]) / 4
    return means


def of_map(
    scores: np.ndarray, views: Sequence[np.ndarray] = (), final: np.ndarray | None = None
) -> list[float]:
    """The two features of one image's result.

    scores: (H, W) raw. views: the aligned raw maps that were merged into it; none means that it is
    the only one. final: (H, W) the alpha that was made of the map, None for the map's own. Returns
    the logit of the mean IoU that the views expect of the mask, and minus the log of the first
    view's thick uncertainty: larger views and merged maps have less of it.
    """
    mask = on_grid(scores) > 0.5 if final is None else maps.at_size(final, (GRID, GRID)) > 0.5
    alphas = [on_grid(view) for view in views or [scores]]
    expected = np.mean([soft_iou(mask, alpha) for alpha in alphas])
    uncertainty = thick_uncertainty(alphas[0] > 0.5, alphas[0])
    return [logit(float(expected)), -float(np.log(uncertainty + UNCERTAINTY_FLOOR))]


def on_grid(scores: np.ndarray) -> np.ndarray:
    """The stretched map on the grid of the features, (GRID, GRID) float32 in [0, 1]."""
    alpha = maps.stretched(scores)
    return alpha if alpha.shape == (GRID, GRID) else maps.resized(alpha, GRID)

"""What predicts the IoU of a mask without its ground truth: doubt, thick doubt, disagreement.

Both features are larger where the mask is more likely right, and relative to the subject, so that
neither its size nor the map's matters. Also tried and left out, since they added nothing to these:
agreement with the graph's six side outputs, pieces, border contact, compactness, coverage.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from cutout.quality import maps

# Features are measured on this grid (px), whatever the model's input size.
GRID = 320
# Keeps logarithms finite: below these a map is as sure as this model ever is.
LOGIT_FLOOR = 0.005
DOUBT_FLOOR = 0.002


def logit(share: float) -> float:
    """log(p / (1 - p)) of a share, held off 0 and 1 by LOGIT_FLOOR."""
    share = min(max(share, LOGIT_FLOOR), 1 - LOGIT_FLOOR)
    return float(np.log(share / (1 - share)))


def soft_iou(mask: np.ndarray, alpha: np.ndarray) -> float:
    """IoU one expects of a mask if `alpha` holds the chance of each pixel to be subject.

    mask: (H, W) bool; alpha: (H, W) in [0, 1]. Empty both: 0, nothing was found.
    """
    both, either = alpha[mask].sum(), mask.sum() + alpha[~mask].sum()
    return float(both / either) if either else 0.0


def thick_doubt(mask: np.ndarray, alpha: np.ndarray) -> float:
    """Doubt that survives an erosion, per pixel of subject: half-decided regions, not soft edges.

    mask: (H, W) bool; alpha: (H, W) in [0, 1]. 0 for a decided map; an empty mask counts as one
    pixel. Doubt is 4 a (1 - a); the 3 x 3 minimum at half the size leaves out what is thinner than
    an edge (about 6 px of the grid).
    """
    doubt = ndimage.minimum_filter(halved(4 * alpha * (1 - alpha)), size=3)
    return float(4 * doubt.sum() / max(mask.sum(), 1))


def halved(grid: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 blocks: (H, W), both even, to (H / 2, W / 2)."""
    rows = grid[::2] + grid[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) / 4


def of_map(scores: np.ndarray, views: Sequence[np.ndarray] = ()) -> list[float]:
    """Two features of one picture, on which a mask is judged.

    scores: (H, W) raw. views: the aligned raw maps that were merged into it; none means that it is
    the only one. Returns the logit of the IoU that the views expect of the mask, in the mean, and
    minus the log of the first view's thick doubt: larger views and merged maps have less of it.
    """
    mask = on_grid(scores) > 0.5
    alphas = [on_grid(view) for view in views or [scores]]
    expected = np.mean([soft_iou(mask, alpha) for alpha in alphas])
    doubt = thick_doubt(alphas[0] > 0.5, alphas[0])
    return [logit(float(expected)), -float(np.log(doubt + DOUBT_FLOOR))]


def on_grid(scores: np.ndarray) -> np.ndarray:
    """The stretched map on the grid of the features, (GRID, GRID) float32 in [0, 1]."""
    alpha = maps.stretched(scores)
    return alpha if alpha.shape == (GRID, GRID) else maps.resized(alpha, GRID)

"""Precision and recall over all 256 thresholds, the `paper` convention's way to F."""

import numpy as np

from cutout.measures.checks import check_scored

# Weight of precision in the saliency literature: Achanta et al., 2009.
BETA2 = 0.3


def _at_least(levels: np.ndarray) -> np.ndarray:
    """Number of pixels at or above each of the levels 0…255: (256,) int64."""
    return np.bincount(levels, minlength=256)[::-1].cumsum()[::-1]


def _ratio(part: np.ndarray, whole: np.ndarray | int) -> np.ndarray:
    """Part over whole; 0/0 is 1, the limit of the published tool's (x + 1e-8) / (y + 1e-8)."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.ones(part.shape), where=whole > 0)


def precision_recall(
    scored: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Precision and recall where the map is at least t/255, for t = 0…255.

    scored: (H, W) float in [0, 1]. truth: (H, W) bool. valid: (H, W) bool, the pixels that
    count. Returns (2, 256) float64, each in [0, 1]. Where nothing is kept precision is 1; where
    the truth is empty recall is 1. Qin et al., BASNet, 2019.
    """
    check_scored(scored, truth)
    # A level is the floor, as in the published tool's histogram; the tiny step keeps k/255*255
    # from landing just under k.
    levels = (scored * 255 + 1e-6).astype(np.uint8)
    if valid is not None:
        levels, truth = levels[valid], truth[valid]
    kept, right = _at_least(levels.ravel()), _at_least(levels[truth])
    return np.stack([_ratio(right, kept), _ratio(right, int(np.count_nonzero(truth)))])


def f_measure(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """(1 + β²) P R / (β² P + R) with β² = 0.3, in [0, 1]; 0 where both are 0.

    precision, recall: one shape, of one picture or averaged over a set. Achanta et al.,
    Frequency-tuned salient region detection, 2009.
    """
    below = BETA2 * precision + recall
    above = (1 + BETA2) * precision * recall
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)


class MeanCurves:
    """The mean of curves over a set; its memory does not grow with the number of pictures."""

    def __init__(self) -> None:
        """Start an empty set."""
        self.count, self._sum = 0, None

    def add(self, curves: np.ndarray) -> None:
        """Take one picture's curves, any one shape."""
        self._sum = curves.astype(np.float64) if self._sum is None else self._sum + curves
        self.count += 1

    def mean(self) -> np.ndarray:
        """The mean so far; asking an empty set is a ValueError."""
        if self._sum is None:
            raise ValueError("No picture was added.")
        return self._sum / self.count

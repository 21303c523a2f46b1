"""Precision and recall over all 256 thresholds, the `paper` convention's way to F."""

import numpy as np

from cutout.measures.checks import check_normalised

# Weight of precision in the saliency literature: Achanta et al., 2009.
BETA2 = 0.3


def _at_least(levels: np.ndarray) -> np.ndarray:
    """Number of pixels at or above each of the levels 0…255: (256,) int64."""
    counts: np.ndarray = np.bincount(levels, minlength=256)[::-1].cumsum()[::-1]
    return counts


def _ratio(numerator: np.ndarray, denominator: np.ndarray | int) -> np.ndarray:
    """A ratio where 0/0 is 1, the limit of the published tool's (x + 1e-8) / (y + 1e-8)."""
    whole = np.broadcast_to(denominator, numerator.shape)
    ratio = np.ones(numerator.shape)
    np.divide(numerator, whole, out=ratio, where=whole > 0)
    return ratio


def precision_recall(
    pred: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Precision and recall where the map is at least t/255, for t = 0…255.

    pred: (H, W) float in [0, 1]. truth: (H, W) bool. valid: (H, W) bool, the pixels that
    count. Returns (2, 256) float64, each in [0, 1]. Where nothing is predicted precision is 1;
    where the truth is empty recall is 1. Qin et al., BASNet, 2019.
    """
    check_normalised(pred, truth)
    # A level is the floor, as in the published tool's histogram; the small number
    # keeps k / 255 * 255 from being rounded to just below k.
    levels = (pred * 255 + 1e-6).astype(np.uint8)
    if valid is not None:
        levels, truth = levels[valid], truth[valid]
    predicted, correct = _at_least(levels.ravel()), _at_least(levels[truth])
    subject = int(np.count_nonzero(truth))
    return np.stack([_ratio(correct, predicted), _ratio(correct, subject)])


def f_measure(precision: np.ndarray | float, recall: np.ndarray | float) -> np.ndarray:
    """(1 + β²) P R / (β² P + R) with β² = 0.3, in [0, 1]; 0 where both are 0.

    precision, recall: arrays of one shape or numbers, of one image or averaged over a set.
    Achanta et al., Frequency-tuned salient region detection, 2009.
    """
    numerator = (1 + BETA2) * precision * recall
    denominator = BETA2 * precision + recall
    f = np.zeros(np.shape(denominator))
    np.divide(numerator, denominator, out=f, where=np.asarray(denominator > 0))
    return f


class MeanCurves:
    """The mean of curves over a set; its memory does not grow with the number of images."""

    def __init__(self) -> None:
        """Start an empty set."""
        self.count = 0
        self._sum: np.ndarray | None = None

    def add(self, curves: np.ndarray) -> None:
        """Add one image's curves; all must have one shape."""
        self._sum = curves.astype(np.float64) if self._sum is None else self._sum + curves
        self.count += 1

    def mean(self) -> np.ndarray:
        """The mean so far; an empty set is a ValueError."""
        if self._sum is None:
            raise ValueError("No image was added.")
        return self._sum / self.count

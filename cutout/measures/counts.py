"""Measures of two masks that follow from four counts.

One rule for empty masks everywhere: where a ratio is 0/0, two masks that agree score 1 and two
that do not score 0. So two empty masks score 1, and a prediction on an image without subject 0.
"""

from dataclasses import asdict, dataclass

import numpy as np

from cutout.measures.checks import check_masks


@dataclass(frozen=True)
class Counts:
    """Pixels of one image: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    def _ratio(self, numerator: float, denominator: float) -> float:
        return numerator / denominator if denominator else float(self.fp + self.fn == 0)

    @property
    def iou(self) -> float:
        """|both| / |either|, in [0, 1], higher is better. Jaccard, 1901."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def dice(self) -> float:
        """2 |both| / (|one| + |other|), in [0, 1], higher is better. Dice, 1945; also F1."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """Share of the predicted subject that is subject, in [0, 1]. Kent et al., 1955."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the subject that was predicted, in [0, 1]. Kent et al., 1955."""
        return self._ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of the background that was predicted as such, in [0, 1]. Yerushalmy, 1947."""
        return self._ratio(self.tn, self.tn + self.fp)

    @property
    def pixel_accuracy(self) -> float:
        """Share of pixels predicted correctly, in [0, 1]; 1 where every pixel is ignored."""
        return self._ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)

    def measures(self) -> dict[str, float | int]:
        """Every ratio and the counts behind them, by name."""
        names = ("iou", "dice", "precision", "recall", "pixel_accuracy", "specificity")
        return {name: getattr(self, name) for name in names} | asdict(self)


def count(pred: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> Counts:
    """The four counts of two masks.

    pred, truth: (H, W) bool. valid: (H, W) bool, the pixels that count; None counts all.
    """
    check_masks(pred, truth)
    if valid is not None:
        check_masks(valid, truth)
        pred, truth = pred[valid], truth[valid]
    tp = int(np.count_nonzero(pred & truth))
    predicted, subject = int(np.count_nonzero(pred)), int(np.count_nonzero(truth))
    return Counts(tp, predicted - tp, subject - tp, truth.size - predicted - subject + tp)


def iou(pred: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of two masks, (H, W) bool: |both| / |either|; two empty masks score 1."""
    return count(pred, truth).iou

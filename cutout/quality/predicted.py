"""The IoU that a ground truth would give, predicted without one."""

from collections.abc import Sequence

import numpy as np

from cutout.quality import features
from cutout.quality.fitted import BEST, STANDARD


def predicted_iou(scores: np.ndarray, views: Sequence[np.ndarray] = ()) -> float:
    """Estimate in (0, 1) for one image: a logistic curve over a few features of its map.

    scores: (H, W) raw, of one view or merged. views: the aligned raw maps it was merged from, whose
    disagreement predicts errors best. Fitted by benchmarks/fit_quality.py.
    """
    return logistic(BEST if views else STANDARD, features.of_map(scores, views))


def logistic(fitted: Sequence[float], values: Sequence[float]) -> float:
    """1 / (1 + exp(-t)), t = intercept + weights . values; fitted: intercept, then weights."""
    intercept, *weights = fitted
    total = intercept + sum(w * v for w, v in zip(weights, values, strict=True))
    return float(1 / (1 + np.exp(-total)))

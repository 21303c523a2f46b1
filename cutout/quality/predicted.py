"""The IoU one would measure against a ground truth, estimated without one."""

from collections.abc import Sequence

import numpy as np

from cutout.quality import features
from cutout.quality.fitted import BEST, STANDARD


def predicted_iou(scores: np.ndarray, views: Sequence[np.ndarray] = ()) -> float:
    """Estimate in (0, 1) for one picture: a logistic curve over a few features of its map.

    scores: (H, W) raw, one pass or merged views. views: the aligned raw maps it was merged from;
    their disagreement is the best evidence there is. Fitted by benchmarks/fit_quality.py.
    """
    return logistic(BEST if views else STANDARD, features.of_map(scores, views))


def logistic(fitted: Sequence[float], values: Sequence[float]) -> float:
    """1 / (1 + exp(-t)), t = intercept + weights . values; fitted: intercept, then weights."""
    intercept, *weights = fitted
    total = intercept + sum(w * v for w, v in zip(weights, values, strict=True))
    return float(1 / (1 + np.exp(-total)))

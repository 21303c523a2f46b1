"""The IoU that a ground truth would give, predicted without one."""

from collections.abc import Sequence

import numpy as np

from cutout.models.table import Calibration
from cutout.quality import features
from cutout.quality.fitted import BEST, STANDARD


def predicted_iou(
    scores: np.ndarray,
    views: Sequence[np.ndarray] = (),
    calibration: Calibration | None = None,
    final: np.ndarray | None = None,
) -> float:
    """Estimate in (0, 1) for one image: a logistic curve over a few features of its map.

    scores: (H, W) raw, of one view or merged. views: the aligned raw maps it was merged from, whose
    disagreement predicts errors best. calibration: of the model, U²-Net's by default. final: (H, W)
    the alpha that was made of the map, None for the map's own. Fitted by benchmarks/fit_quality.py.
    """
    known = calibration or Calibration(STANDARD, BEST)
    fitted = (known.best if views else None) or known.standard
    return logistic(fitted, features.of_map(scores, views, final))


def logistic(fitted: Sequence[float], values: Sequence[float]) -> float:
    """1 / (1 + exp(-t)), t = intercept + weights . values; fitted: intercept, then weights."""
    intercept, *weights = fitted
    total = intercept + sum(w * v for w, v in zip(weights, values, strict=True))
    return float(1 / (1 + np.exp(-total)))

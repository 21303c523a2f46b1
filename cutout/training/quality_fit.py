"""The coefficients of the predicted IoU, fitted on this model's own maps.

As benchmarks/fit_quality.py does for U²-Net, without its shift to harder images: the pairs here
are of the kind that the model is for.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from cutout.quality import features

# With fewer images the level of the prediction would be chance.
MIN_IMAGES = 30


def fit_quality(maps: Sequence[np.ndarray], ious: np.ndarray) -> tuple[float, ...] | None:
    """Intercept and weights for `cutout.quality.predicted.logistic`; None for too few images.

    maps: scores (S, S) of each image; ious: its measured IoU, (N,).
    """
    if len(maps) < MIN_IMAGES:
        return None
    values = np.array([features.of_map(scores) for scores in maps])
    weights = 1 / np.maximum(values.std(axis=0), 1e-6)
    line = values @ weights

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + guess[1] * line
        return float(np.mean(np.logaddexp(0, total) - ious * total))

    # A larger feature must never predict a lower IoU.
    intercept, slope = minimize(loss, [0.0, 1.0], bounds=[(None, None), (0, None)]).x
    return (float(intercept), *(float(slope * weight) for weight in weights))

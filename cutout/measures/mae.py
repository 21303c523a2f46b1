"""Mean absolute error of a map."""

import numpy as np

from cutout.measures.checks import check_normalised


def mae(pred: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Mean |pred - truth|, in [0, 1], lower is better. Perazzi et al., Saliency filters, 2012.

    pred: (H, W) float in [0, 1], normalised by one convention. truth: (H, W) bool; an empty
    one is no special case. valid: (H, W) bool, the pixels that count; with none left it is 0.
    """
    check_normalised(pred, truth)
    error = np.abs(pred - truth)
    if valid is not None:
        error = error[valid]
    return float(error.mean()) if error.size else 0.0

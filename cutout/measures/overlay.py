"""A picture that shows where a mask is right and where it is wrong."""

import numpy as np

from cutout.errors import SizeMismatch
from cutout.measures.checks import check_masks

# Okabe and Ito, 2008: told apart by people with any of the common kinds of colour blindness.
COLOURS = {"true": (0, 114, 178), "missed": (240, 228, 66), "wrongly kept": (213, 94, 0)}
# A third of the photograph shows through, darkened where nothing is marked.
SHARE, DIM = 0.65, 0.5


def overlay(rgb: np.ndarray, pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The photograph with true pixels in blue, missed in yellow, wrongly kept in vermilion.

    rgb: (H, W, 3) uint8. pred, truth: (H, W) bool. Returns (H, W, 3) uint8; the rest is
    dimmed grey, so that the colours stand out by lightness too.
    """
    check_masks(pred, truth)
    if rgb.shape != (*truth.shape, 3):
        raise SizeMismatch("The photograph and its masks differ in size.")
    grey = rgb.mean(axis=2, dtype=np.float32)[..., None]
    painted = np.repeat(grey * DIM, 3, axis=2)
    areas = {"true": pred & truth, "missed": truth & ~pred, "wrongly kept": pred & ~truth}
    for name, area in areas.items():
        painted[area] = grey[area] * (1 - SHARE) + np.array(COLOURS[name], np.float32) * SHARE
    return painted.astype(np.uint8)

"""An image that shows where a mask is correct and where it is wrong."""

import numpy as np

from cutout.errors import SizeMismatch
from cutout.measures.checks import check_masks

# Okabe and Ito, 2008: distinguishable with every common kind of colour blindness.
COLOURS = {"true": (0, 114, 178), "missed": (240, 228, 66), "wrongly kept": (213, 94, 0)}
# Of the colour over the image, and of the image where nothing is marked.
COLOUR_OPACITY, BRIGHTNESS = 0.65, 0.5


def overlay(rgb: np.ndarray, pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The image with true pixels in blue, missed in yellow, wrongly kept in vermilion.

    rgb: (H, W, 3) uint8. pred, truth: (H, W) bool. Returns (H, W, 3) uint8; the rest is
    dimmed grey, so that the colours differ from it in lightness too.
    """
    check_masks(pred, truth)
    if rgb.shape != (*truth.shape, 3):
        raise SizeMismatch("The image and its masks differ in size.")
    grey = rgb.mean(axis=2, dtype=np.float32)[..., None]
    painted = np.repeat(grey * BRIGHTNESS, 3, axis=2)
    areas = {"true": pred & truth, "missed": truth & ~pred, "wrongly kept": pred & ~truth}
    for name, area in areas.items():
        colour = np.array(COLOURS[name], np.float32)
        painted[area] = grey[area] * (1 - COLOUR_OPACITY) + colour * COLOUR_OPACITY
    return painted.astype(np.uint8)

"""Views of a matte: as a grey mask, and over the image that it was made from."""

import cv2
import numpy as np

from cutout.compose.backgrounds import over


def grey_mask(alpha: np.ndarray) -> np.ndarray:
    """The matte as an 8-bit grey image (H, W) uint8, 255 = subject."""
    mask: np.ndarray = cv2.convertScaleAbs(alpha, alpha=255)
    return mask


def overlay(
    rgb: np.ndarray,
    alpha: np.ndarray,
    colour: tuple[int, int, int] = (220, 20, 60),
    strength: float = 0.6,
) -> np.ndarray:
    """The image with what was removed tinted in a colour: (H, W, 3) uint8.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32; strength: share of the colour, 0 to 1.
    """
    flat = np.full(rgb.shape, colour, np.uint8)
    tinted = cv2.addWeighted(rgb, 1 - strength, flat, strength, 0)
    return over(rgb, alpha, tinted)[0]

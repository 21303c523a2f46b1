"""Image and alpha to a cut-out with straight alpha."""

import cv2
import numpy as np

from cutout.parallel import parallel_map, row_chunks
from cutout.pixels import to_level

# Rows at once: what is made of them stays in a core's cache, and those without a subject are found.
ROWS = 64


def compose(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Cut-out with straight alpha: the image's colours where alpha is above 0, else zero.

    rgb: (H, W, 3) uint8. alpha: (H, W) float32, what lies outside [0, 1] is clipped.
    Returns (H, W, 4) uint8. Nothing of the removed background stays under alpha 0.
    """
    if rgb.shape[:2] != alpha.shape:
        raise ValueError(f"rgb is {rgb.shape[:2]}, alpha {alpha.shape}")
    # Zeros cost nothing where nothing is written.
    cutout = np.zeros((*alpha.shape, 4), np.uint8)

    def fill(part: slice) -> None:
        for top in range(part.start, part.stop, ROWS):
            _fill_rows(rgb, alpha, cutout, slice(top, min(top + ROWS, part.stop)))

    parallel_map(fill, row_chunks(len(alpha), ROWS))
    return cutout


def _fill_rows(rgb: np.ndarray, alpha: np.ndarray, cutout: np.ndarray, rows: slice) -> None:
    level = to_level(alpha[rows])
    if not level.any():
        return
    chunk = cv2.cvtColor(rgb[rows], cv2.COLOR_RGB2RGBA, dst=cutout[rows])
    cv2.insertChannel(level, chunk, 3)
    # One 32-bit word a pixel, so that all four channels are cleared at once.
    words = chunk.view(np.uint32)[..., 0]
    np.multiply(words, level > 0, out=words)

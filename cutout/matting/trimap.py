"""Trimaps: what is surely subject, surely background, and to be solved between."""

import cv2
import numpy as np

from cutout.errors import InvalidValue, SizeMismatch

BACKGROUND, UNKNOWN, SUBJECT = 0, 128, 255
# Above and below these the model is taken at its word, away from the edge. Where it doubts even a
# little it is often wrong altogether, so the band takes such places in and colours decide.
SURE_SUBJECT, SURE_BACKGROUND = 0.99, 0.01
# Of the diagonal: 12 pixels at 1000 x 600, 50 at 12 megapixels. Half of it misses hair.
SHARE = 0.01


def automatic_trimap(alpha: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Trimap from a matte: sure parts, both eroded by `share` of the picture's diagonal.

    alpha: (H, W) float32. Returns (H, W) uint8 of 0, 128, 255.
    """
    reach = max(1, round(share * float(np.hypot(*alpha.shape))))
    trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
    trimap[_eroded(alpha >= SURE_SUBJECT, reach)] = SUBJECT
    trimap[_eroded(alpha <= SURE_BACKGROUND, reach)] = BACKGROUND
    return trimap


def checked_trimap(trimap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The trimap of a caller, if it has the picture's size and only the values 0, 128, 255."""
    if trimap.shape != tuple(size):
        raise SizeMismatch(
            f"The trimap is {_name(trimap.shape)}, the picture {_name(size)}: make them equal."
        )
    odd = np.setdiff1d(np.unique(trimap), (BACKGROUND, UNKNOWN, SUBJECT))
    if odd.size:
        raise InvalidValue(
            f"The trimap holds {', '.join(map(str, odd[:5]))}: only 0 (background), 128 (unknown)"
            " and 255 (subject) are allowed; save it without smoothing or JPEG.",
            field="trimap",
            allowed=[BACKGROUND, UNKNOWN, SUBJECT],
        )
    return trimap.astype(np.uint8)


def _eroded(mask: np.ndarray, reach: int) -> np.ndarray:
    """What lies more than `reach` pixels inside; beyond the picture nothing contradicts it.

    By distances: a disc of 50 pixels as a kernel would cost seconds at 12 megapixels.
    """
    if mask.all():
        return mask
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > reach


def _name(shape: tuple[int, ...]) -> str:
    height, width, *channels = shape
    return f"{width} x {height}" + (f" with {channels[0]} channels" if channels else "")

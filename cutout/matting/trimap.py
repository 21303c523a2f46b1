"""Trimaps: what is certainly subject, certainly background, and to be solved between."""

import cv2
import numpy as np

from cutout.errors import InvalidValue, SizeMismatch

BACKGROUND, UNKNOWN, SUBJECT = 0, 128, 255
# Beyond these the model's alpha counts as certain, away from the edge. Where it is even a little
# uncertain it is often wrong altogether, so such pixels are unknown and colours decide.
SURE_SUBJECT, SURE_BACKGROUND = 0.99, 0.01
# Pixels to either side of an edge that are unknown, as a share of the diagonal: 12 at 1000 x 600,
# 50 at 12 megapixels. Half of it misses hair.
SHARE = 0.01


def automatic_trimap(alpha: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Trimap from a matte: the certain parts, each eroded by `share` of the image's diagonal.

    alpha: (H, W) float32. Returns (H, W) uint8 of 0, 128, 255.
    """
    radius = max(1, round(share * float(np.hypot(*alpha.shape))))
    trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
    trimap[_eroded(alpha >= SURE_SUBJECT, radius)] = SUBJECT
    trimap[_eroded(alpha <= SURE_BACKGROUND, radius)] = BACKGROUND
    return trimap


def checked_trimap(trimap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The trimap of a caller as a new (H, W) uint8.

    size: (height, width) of the image. Raises SizeMismatch for another size or several channels,
    InvalidValue for other values than 0, 128 and 255.
    """
    if trimap.shape != tuple(size):
        raise SizeMismatch(
            f"The trimap is {_name(trimap.shape)}, the image {_name(size)}: make them equal."
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


def _eroded(mask: np.ndarray, radius: int) -> np.ndarray:
    """Pixels more than `radius` inside a mask; the image's border is no edge.

    By distances: a disc of 50 pixels as a kernel would cost seconds at 12 megapixels.
    """
    if mask.all():
        return mask
    distance = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    inside: np.ndarray = distance > radius
    return inside


def _name(shape: tuple[int, ...]) -> str:
    height, width, *channels = shape
    return f"{width} x {height}" + (f" with {channels[0]} channels" if channels else "")

"""Pillow's LANCZOS, spread over the cores: the same values, in a part of the time."""

import math

import cv2
import numpy as np
from PIL import Image

from cutout.parallel import parallel_map, row_chunks

# How far the window reaches on either side, in pixels of the coarser picture.
_REACH = 3
# Rows of the result that are worth a band of their own: fewer would be mostly overlap.
_LEAST = 64


def lanczos(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a picture to `size` (height, width) as Pillow's resize does: rembg's way, both ways.

    picture: (H, W) or (H, W, 3) uint8. Returns (height, width[, 3]) uint8.
    Duchon, "Lanczos filtering in one and two dimensions", 1979.
    """
    result = np.empty((*size, *picture.shape[2:]), np.uint8)
    height, width = picture.shape[:2]
    if height <= width or size[0] >= 2 * height:
        _by_rows(picture, result)
    elif picture.ndim == 3:
        # Pillow scales some tall pictures along their height first, which rounds otherwise, and
        # would choose anew for each band. Its channels never meet.
        planes = cv2.split(picture)
        parallel_map(
            lambda part: [_one(planes[i], result[..., i]) for i in range(3)[part]], row_chunks(3, 1)
        )
    else:
        _one(picture, result)
    return result


def _one(plane: np.ndarray, result: np.ndarray) -> None:
    result[:] = Image.fromarray(plane).resize(result.shape[::-1], Image.Resampling.LANCZOS)


def _by_rows(picture: np.ndarray, result: np.ndarray) -> None:
    height, width = result.shape[:2]
    step = len(picture) / height
    reach = _REACH * max(step, 1)

    def scale(rows: slice) -> None:
        top, end = rows.start * step, rows.stop * step
        first, last = max(0, math.floor(top - reach)), math.ceil(end + reach)
        part = Image.fromarray(picture[first:last])
        box = (0, top - first, picture.shape[1], min(end - first, part.height))
        shape = (width, rows.stop - rows.start)
        result[rows] = part.resize(shape, Image.Resampling.LANCZOS, box=box)

    parallel_map(scale, row_chunks(height, _LEAST))

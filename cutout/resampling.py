"""Pillow's LANCZOS, spread over the cores: the same values, in a part of the time."""

import math

import cv2
import numpy as np
from PIL import Image

from cutout.parallel import parallel_map, row_chunks

# How far the window reaches on either side, in pixels of the coarser image.
_REACH = 3
# Rows of the result that are worth a chunk of their own: fewer would be mostly overlap.
_LEAST = 64


def lanczos(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to `size` (height, width) as Pillow's resize does: rembg's way, both ways.

    image: (H, W) or (H, W, 3) uint8. Returns (height, width[, 3]) uint8.
    Duchon, "Lanczos filtering in one and two dimensions", 1979.
    """
    result = np.empty((*size, *image.shape[2:]), np.uint8)
    height, width = image.shape[:2]
    if height <= width or size[0] >= 2 * height:
        _by_rows(image, result)
    elif image.ndim == 3:
        # Pillow scales some tall images along their height first, which rounds otherwise, and
        # would choose anew for each chunk. Its channels never meet.
        planes = cv2.split(image)

        def scale(part: slice) -> None:
            for channel in range(3)[part]:
                _one(planes[channel], result[..., channel])

        parallel_map(scale, row_chunks(3, 1))
    else:
        _one(image, result)
    return result


def _one(plane: np.ndarray, result: np.ndarray) -> None:
    result[:] = Image.fromarray(plane).resize(result.shape[::-1], Image.Resampling.LANCZOS)


def _by_rows(image: np.ndarray, result: np.ndarray) -> None:
    height, width = result.shape[:2]
    step = len(image) / height
    reach = _REACH * max(step, 1)

    def scale(rows: slice) -> None:
        top, end = rows.start * step, rows.stop * step
        first, last = max(0, math.floor(top - reach)), math.ceil(end + reach)
        part = Image.fromarray(image[first:last])
        box = (0, top - first, image.shape[1], min(end - first, part.height))
        shape = (width, rows.stop - rows.start)
        result[rows] = part.resize(shape, Image.Resampling.LANCZOS, box=box)

    parallel_map(scale, row_chunks(height, _LEAST))

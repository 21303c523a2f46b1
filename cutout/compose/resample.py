"""Scale a part of an image with its alpha to any size, up or down, in one pass."""

import math

import numpy as np
from PIL import Image

from cutout.parallel import fine_row_chunks, parallel_map
from cutout.pixels import to_level

# Pillow's cubic reads so many pixels of the coarser image to either side of a position. Pillow, as
# it takes fractions of pixels as the part's border and averages where it scales down; OpenCV does
# one or the other.
FILTER, SUPPORT = Image.Resampling.BICUBIC, 2
# top, left, bottom, right in pixels, may be fractions.
Region = tuple[float, float, float, float]


def resample(
    rgb: np.ndarray, alpha: np.ndarray, region: Region, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A region scaled to `size` (height, width) by an antialiased cubic: (rgb, alpha).

    rgb: (H, W, 3) uint8; alpha: (H, W) float32; region: inside the image. Colours are weighted by
    their alpha, so that the hidden colour of a transparent pixel does not bleed into the edge. The
    overshoot of the cubic is clipped; RGB is zero where alpha rounds to zero in 8 bits.
    """
    top, left, bottom, right = region
    step = (bottom - top) / size[0]
    reach = SUPPORT * max(step, 1)
    out, out_alpha = np.empty((*size, 3), np.uint8), np.empty(size, np.float32)

    def scale(chunk: slice) -> None:
        start, stop = top + chunk.start * step, min(top + chunk.stop * step, bottom)
        rows = slice(max(0, math.floor(start - reach)), math.ceil(stop + reach))
        box = (left, start - rows.start, right, stop - rows.start)
        shape = size[1], chunk.stop - chunk.start
        weight = alpha[rows]

        def scaled(plane: np.ndarray) -> np.ndarray:
            return np.asarray(Image.fromarray(plane).resize(shape, FILTER, box=box))

        # Not clipped yet: the colours' sums overshoot as it does.
        share = scaled(weight)
        visible = to_level(share) > 0
        for channel in range(3):
            total = scaled(weight * rgb[rows, :, channel])
            colour = np.divide(total, share, out=np.zeros_like(share), where=visible)
            out[chunk, :, channel] = np.clip(colour + np.float32(0.5), 0, 255)
        out_alpha[chunk] = np.clip(share, 0, 1)

    parallel_map(scale, fine_row_chunks(size[0]))
    return out, out_alpha

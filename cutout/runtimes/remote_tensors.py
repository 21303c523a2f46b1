"""A model's input as the bytes it was made from, and its scores in 16 bits: less to send.

A third to a half of the bytes of 32-bit numbers. The server's graph normalises: exactly what was
done here, since the numbers that the image was scaled to are recovered exactly, or not at all.
"""

from typing import NamedTuple

import numpy as np

# Of the levels that are scaled back to whole numbers; float32 leaves less than a tenth of it.
TOLERANCE = 0.01
SCORE_LEVELS = 65_535


class PackedTensor(NamedTuple):
    """An image scaled to the model's square.

    levels: (3, S, S) uint8. box: (4,) int32, top, left, height, width of the image in the square;
    the rest is padding, zero after normalisation.
    """

    levels: np.ndarray
    box: np.ndarray


def pack(
    tensor: np.ndarray, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> PackedTensor | None:
    """The 8-bit image behind a tensor (3, S, S) float32 of `processing.prepare`.

    None where the tensor was made otherwise.
    """
    box = _inner_box(tensor)
    top, left, height, width = box
    inner = tensor[:, top : top + height, left : left + width].astype(np.float64)
    unit = inner * np.array(std)[:, None, None] + np.array(mean)[:, None, None]
    brightest = _brightest(unit)
    if brightest is None:
        return None
    levels = np.zeros(tensor.shape, np.uint8)
    levels[:, top : top + height, left : left + width] = np.rint(unit * brightest)
    return PackedTensor(levels, np.array(box, np.int32))


def _inner_box(tensor: np.ndarray) -> tuple[int, int, int, int]:
    """Where the tensor is not zero: the image without its padding."""
    filled: np.ndarray = (tensor != 0).any(axis=0)
    if not filled.any():
        height, width = filled.shape
        return 0, 0, height, width
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1


def _brightest(unit: np.ndarray) -> int | None:
    """The image's brightest level: multiplied by it, all numbers are whole. 255 most often."""
    # The brightest level became 1; an image that is black all over stayed 0.
    if unit.min() < -TOLERANCE or min(abs(unit.max() - 1), abs(unit.max())) > TOLERANCE:
        return None
    sample = unit.reshape(-1)[:: max(1, unit.size // 1000)]
    for level in range(255, 0, -1):
        if _is_whole(sample * level) and _is_whole(unit * level):
            return level
    return None


def _is_whole(values: np.ndarray) -> bool:
    return bool(np.abs(values - np.rint(values)).max() < TOLERANCE)


def unpack_scores(scores: np.ndarray) -> np.ndarray:
    """Scores (S, S) float32 of what the server answered: uint16, or float32 as they are."""
    if scores.dtype == np.uint16:
        return scores.astype(np.float32) / np.float32(SCORE_LEVELS)
    return scores.astype(np.float32, copy=False)

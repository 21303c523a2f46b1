"""From an image to a model's input and from its output to alpha, as rembg does it.

Pure functions of a row of the table of models: no weights, no runtime.
"""

import numpy as np

from cutout.models.table import ModelSpec
from cutout.parallel import MIN_CHUNK_ROWS, parallel_map, row_chunks
from cutout.resampling import lanczos

Size = tuple[int, int]


def prepare(
    row: ModelSpec, rgb: np.ndarray, side: int | None = None, fit: str = "stretch"
) -> np.ndarray:
    """Scale an image (H, W, 3) uint8 to the model's square and normalise it: (3, S, S) float32.

    As rembg does: LANCZOS, division by the image's own brightest value, mean and standard
    deviation. side: S in px, the model's own by default. fit: `stretch`, or `pad` to keep the
    aspect ratio; the padding has the mean colour, which is zero after normalisation.
    """
    side = side or row.input_size
    height, width = inner_size(rgb.shape[:2], side) if fit == "pad" else (side, side)
    unit = lanczos(rgb, (height, width)).astype(np.float32)
    unit /= max(float(unit.max()), 1e-6)
    unit -= np.array(row.mean, np.float32)
    unit /= np.array(row.std, np.float32)
    tensor = np.zeros((3, side, side), np.float32)
    tensor[:, :height, :width] = unit.transpose(2, 0, 1)
    return tensor


def activate(row: ModelSpec, scores: np.ndarray) -> np.ndarray:
    """Scores in [0, 1]: models that end in logits get their sigmoid, others stay as they are."""
    return 1 / (1 + np.exp(-scores)) if row.activation == "sigmoid" else scores


def visible(scores: np.ndarray, size: Size, fit: str = "stretch") -> np.ndarray:
    """The part of the scores (S, S) that shows the image of `size`, without the padding."""
    height, width = inner_size(size, scores.shape[0]) if fit == "pad" else scores.shape
    return scores[:height, :width]


def stretch(scores: np.ndarray) -> np.ndarray:
    """Scores (h, w) of one image spread over [0, 1]; a flat map holds no subject: all zero."""
    low = scores.min()
    span = scores.max() - low
    return (scores - low) / span if span > 0 else np.zeros_like(scores)


def finish(scores: np.ndarray, size: Size, fit: str = "stretch") -> np.ndarray:
    """Stretch the scores (S, S) and bring them to the image's `size`: alpha (H, W) float32.

    8 bits before the LANCZOS resize, as in rembg, whose mask this equals. fit: as in `prepare`.
    """
    unit = stretch(visible(scores, size, fit))
    full = lanczos((unit.clip(0, 1) * 255).astype(np.uint8), size)
    alpha = np.empty(size, np.float32)

    def to_unit(rows: slice) -> None:
        np.multiply(full[rows], np.float32(1 / 255), out=alpha[rows])

    parallel_map(to_unit, row_chunks(size[0], MIN_CHUNK_ROWS))
    return alpha


def inner_size(size: Size, side: int) -> Size:
    """Height and width of an image of `size` scaled into a square of `side` px."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

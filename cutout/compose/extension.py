"""Subject colours extended over the removed background, for files whose alpha is kept apart."""

import cv2
import numpy as np

from cutout.parallel import parallel_map

# As in matting.foreground, where colours are not corrected below this alpha: they are the old
# background's. Composed with such an alpha a wrong colour is 2 levels of 255 at most.
SURE = 0.01
# Samples along the longer side at most: extended colours have no fine detail.
SAMPLES = 1024
CHUNK_SAMPLES = 64


def extend_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The subject's colours continued where alpha is at most SURE: a new (H, W, 3) uint8.

    rgb: (H, W, 3) uint8, decontaminated; alpha: (H, W) float32. Elsewhere nothing changes, bit for
    bit. The nearest colours weigh most and the result is smooth, so that no edge is left for JPEG's
    coarse colour channels to spread; nothing of the removed background is in it. Without any
    subject it is black. Gortler et al., "The Lumigraph", SIGGRAPH 1996 (pull-push).
    """
    known = alpha > SURE
    step = -(-max(alpha.shape) // SAMPLES)
    samples = cv2.convertScaleAbs(_pull_push(_sampled(rgb, alpha, known, step)))
    size = samples.shape[1] * step, samples.shape[0] * step
    filled: np.ndarray = cv2.resize(samples, size, interpolation=cv2.INTER_LINEAR)
    out = np.ascontiguousarray(filled[: alpha.shape[0], : alpha.shape[1]])
    np.copyto(out, rgb, where=known[..., None])
    return out


def _sampled(rgb: np.ndarray, alpha: np.ndarray, known: np.ndarray, step: int) -> np.ndarray:
    """Means over cells of `step` x `step`: (h, w, 4) float32, colours times weight, and weight.

    The weight of a known pixel is its alpha, of others zero.
    """
    height, width = alpha.shape
    out = np.empty((-(-height // step), -(-width // step), 4), np.float32)

    def fill(first: int) -> None:
        cells = out[first : first + CHUNK_SAMPLES]
        rows = slice(first * step, (first + len(cells)) * step)
        weight = np.where(known[rows], alpha[rows], np.float32(0))
        part = np.dstack([rgb[rows] * weight[..., None], weight])
        below, right = len(cells) * step - len(part), cells.shape[1] * step - width
        part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
        cells[:] = cv2.resize(part, cells.shape[1::-1], interpolation=cv2.INTER_AREA)

    parallel_map(fill, range(0, len(out), CHUNK_SAMPLES))
    return out


def _pull_push(weighted: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3) float32 everywhere from (h, w, 4), colours times weight, and weight.

    From one level of a Gaussian pyramid to the next finer one, colours are replaced where the finer
    level has weight.
    """
    weight = weighted[..., 3:]
    colours: np.ndarray = np.divide(
        weighted[..., :3], weight, out=np.zeros_like(weighted[..., :3]), where=weight > 0
    )
    height, width = weight.shape[:2]
    if max(height, width) == 1:
        return colours
    coarse = _pull_push(cv2.pyrDown(weighted))
    finer: np.ndarray = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    finer += np.minimum(4 * weight, 1) * (colours - finer)
    return finer

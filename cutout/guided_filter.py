"""A matte explained by the image's colours: alpha = a · colour + b, locally.

He, Sun, Tang, "Guided image filtering", PAMI 2013; computed on a small copy and read at the
pixels of the large one as in He, Sun, "Fast guided filter", 2015.
"""

import cv2
import numpy as np

from cutout.parallel import parallel_map
from cutout.pixels import sample_scaled, take_pixels, true_indices

# Rows fitted at once: thirty planes of a chunk stay in the cache and in the allocator's pool.
CHUNK_ROWS = 48
PAIRS = [(i, j) for i in range(3) for j in range(i, 3)]


def local_fit(
    guide: np.ndarray, target: np.ndarray, weight: np.ndarray, radius: int, epsilon: float
) -> np.ndarray:
    """Weighted linear fit in every square window: (h, w, 4) float32, three slopes, one offset.

    guide: (h, w, 3) float32 in [0, 1]; target, weight: (h, w) float32, weight above zero;
    epsilon: variance of colour below which a window counts as flat. The fits of the windows
    over a pixel are averaged by their weight.
    """
    height, rows, halo = len(target), max(CHUNK_ROWS, 16 * radius), 2 * radius
    fit = np.empty((*target.shape, 4), np.float32)

    def fit_rows(top: int) -> None:
        # Two blurs in a row reach this far; what the chunk's own border spoils is cut off.
        first, last = max(top - halo, 0), min(top + rows + halo, height)
        near = slice(first, last)
        part = _fit_chunk(guide[near], target[near], weight[near], radius, epsilon)
        fit[top : top + rows] = part[top - first :][:rows]

    parallel_map(fit_rows, range(0, height, rows))
    return fit


def _fit_chunk(
    guide: np.ndarray, target: np.ndarray, weight: np.ndarray, radius: int, epsilon: float
) -> np.ndarray:
    """`local_fit` of all rows at once."""
    side = (2 * radius + 1,) * 2
    total = cv2.blur(weight, side)
    share = weight / total.mean()
    total /= total.mean()
    channels = [np.ascontiguousarray(guide[..., i]) for i in range(3)]

    def mean(values: np.ndarray) -> np.ndarray:
        out: np.ndarray = cv2.blur(values * share, side)
        out /= total
        return out

    def covariance(
        first: np.ndarray, second: np.ndarray, means: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        out = mean(first * second)
        out -= means[0] * means[1]
        return out

    means, offset = [mean(channel) for channel in channels], mean(target)
    joint = [covariance(channels[i], target, (means[i], offset)) for i in range(3)]
    spread = {(i, j): covariance(channels[i], channels[j], (means[i], means[j])) for i, j in PAIRS}
    for i in range(3):
        spread[i, i] += np.float32(epsilon)
    slopes = _solve(spread, joint)
    for i in range(3):
        offset -= slopes[i] * means[i]
    fit: np.ndarray = cv2.merge([*slopes, offset])
    fit *= total[..., None]
    fit = cv2.blur(fit, side)
    fit /= cv2.blur(total, side)[..., None]
    return fit


def apply_fit(colours: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Values (...) float32 of a fit (..., 4) at colours (..., 3) in [0, 1], unclipped."""
    out: np.ndarray = colours[..., 0] * fit[..., 0] + fit[..., 3]
    out += colours[..., 1] * fit[..., 1]
    out += colours[..., 2] * fit[..., 2]
    return out


def evaluate_fit(
    rgb: np.ndarray, fit: np.ndarray, mask: np.ndarray, rows: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Values of a smaller copy's fit where a mask is true: flat index in the rows, values.

    rgb: (H, W, 3) uint8; fit: (h, w, 4); mask: (H, W) bool; rows: those to evaluate. Values are
    float32, unclipped.
    """
    flat, row, column = true_indices(mask[rows])
    local = sample_scaled(fit, row + rows.start, column, mask.shape)
    return flat, apply_fit(take_pixels(rgb[rows], flat) * np.float32(1 / 255), local)


def _solve(spread: dict[tuple[int, int], np.ndarray], joint: list[np.ndarray]) -> list[np.ndarray]:
    """Slopes of the normal equations, three planes, by the adjugate.

    spread: plane of every (i, j), i <= j; joint: three planes. Ten times faster than a general
    solver on a million systems of 3 x 3.
    """
    a, b, c = spread[0, 0], spread[1, 1], spread[2, 2]
    d, e, f = spread[0, 1], spread[0, 2], spread[1, 2]
    adjugate = {
        (0, 0): b * c - f * f,
        (0, 1): e * f - d * c,
        (0, 2): d * f - e * b,
        (1, 1): a * c - e * e,
        (1, 2): d * e - a * f,
        (2, 2): a * b - d * d,
    }
    determinant = a * adjugate[0, 0] + d * adjugate[0, 1] + e * adjugate[0, 2]

    def slope(i: int) -> np.ndarray:
        terms = [adjugate[min(i, j), max(i, j)] * joint[j] for j in range(3)]
        out: np.ndarray = (terms[0] + terms[1] + terms[2]) / determinant
        return out

    return [slope(i) for i in range(3)]

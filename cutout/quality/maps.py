"""Simple properties of a score map: its range, its peak, its components, its sides."""

import cv2
import numpy as np

from cutout.errors import ModelFailed

# A component counts when it holds this share of the subject, a side when this share of it is
# covered: single pixels of a 320 x 320 map are rounding, not objects.
COMPONENT_SHARE = 0.01
SIDE_SHARE = 0.01
SIDES = ("top", "right", "bottom", "left")


def checked(scores: np.ndarray) -> np.ndarray:
    """The scores as (H, W) float32, or ModelFailed where they are no usable map."""
    scores = np.asarray(scores, np.float32)
    if scores.ndim != 2 or not scores.size or not np.isfinite(scores).all():
        raise ModelFailed("The model gave no usable map for this image; try another image.")
    return scores


def stretched(scores: np.ndarray) -> np.ndarray:
    """Scores of one image scaled to [0, 1] by their minimum and maximum; a flat map gives zeros."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def peak(scores: np.ndarray, share: float) -> float:
    """Mean of the highest `share` of the scores; unlike the maximum, one pixel cannot raise it."""
    count = max(1, round(share * scores.size))
    return float(np.partition(scores, -count, axis=None)[-count:].mean())


def component_areas(mask: np.ndarray) -> np.ndarray:
    """Pixel counts of a mask's components (8-connected) of COMPONENT_SHARE of it or more."""
    areas = _areas(mask)
    large: np.ndarray = areas[areas >= COMPONENT_SHARE * areas.sum()]
    return large


def largest_part(mask: np.ndarray) -> int:
    """Pixels of a mask's largest component (8-connected); 0 for an empty one."""
    return int(_areas(mask).max(initial=0))


def _areas(mask: np.ndarray) -> np.ndarray:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas: np.ndarray = stats[1:, cv2.CC_STAT_AREA]
    return areas


def dilated(mask: np.ndarray) -> np.ndarray:
    """The mask and the pixels next to it, (h, w) bool."""
    wider: np.ndarray = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return wider


def at_size(alpha: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Alpha (H, W) float32 scaled to `size` (h, w): means of the pixels in a cell."""
    if alpha.shape == tuple(size):
        return alpha
    scaled: np.ndarray = cv2.resize(alpha, size[::-1], interpolation=cv2.INTER_AREA)
    return scaled


def sides_touched(mask: np.ndarray) -> tuple[str, ...]:
    """Names of the sides of the image that the mask reaches, clockwise from the top."""
    edges = (mask[0], mask[:, -1], mask[-1], mask[:, 0])
    return tuple(name for name, edge in zip(SIDES, edges, strict=True) if edge.mean() >= SIDE_SHARE)


def resized(scores: np.ndarray, size: int) -> np.ndarray:
    """A map scaled to (size, size) by antialiased linear interpolation; stays in its range."""
    rows, columns = (_weights(length, size) for length in scores.shape)
    scaled: np.ndarray = rows @ scores @ columns.T
    return scaled


def _weights(source: int, target: int) -> np.ndarray:
    """(target, source) float32 rows of a triangle filter, widened where it scales down."""
    step = source / target
    centres = (np.arange(target) + 0.5) * step - 0.5
    distance = np.abs(np.arange(source)[None] - centres[:, None]) / max(step, 1.0)
    weights = np.maximum(0, 1 - distance)
    normalised: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return normalised.astype(np.float32)

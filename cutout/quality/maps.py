"""What a score map says about itself: its stretch, its peak, its pieces, its sides."""

import numpy as np
from scipy import ndimage

from cutout.errors import ModelFailed

# A piece counts when it holds this share of the subject, a side when this share of it is covered:
# single pixels of a 320 x 320 map are rounding, not objects.
PIECE_SHARE = 0.01
SIDE_SHARE = 0.01
SIDES = ("top", "right", "bottom", "left")


def checked(scores: np.ndarray) -> np.ndarray:
    """The scores as (H, W) float32, or ModelFailed where they are no usable map."""
    scores = np.asarray(scores, np.float32)
    if scores.ndim != 2 or not scores.size or not np.isfinite(scores).all():
        raise ModelFailed("The model gave no usable map for this picture; try another picture.")
    return scores


def stretched(scores: np.ndarray) -> np.ndarray:
    """Scores of one picture spread over [0, 1]; a flat map is "nothing found", all zero."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def peak(scores: np.ndarray, share: float) -> float:
    """Mean of the highest `share` of the scores; unlike the maximum, one pixel cannot raise it."""
    count = max(1, round(share * scores.size))
    return float(np.partition(scores, -count, axis=None)[-count:].mean())


def piece_areas(mask: np.ndarray) -> np.ndarray:
    """Pixel counts of the mask's pieces (8-connected) that hold PIECE_SHARE of it or more."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel())[1:]
    return areas[areas >= PIECE_SHARE * areas.sum()]


def sides_touched(mask: np.ndarray) -> tuple[str, ...]:
    """Names of the sides of the picture that the mask reaches, clockwise from the top."""
    edges = (mask[0], mask[:, -1], mask[-1], mask[:, 0])
    return tuple(name for name, edge in zip(SIDES, edges, strict=True) if edge.mean() >= SIDE_SHARE)


def resized(scores: np.ndarray, size: int) -> np.ndarray:
    """A map made (size, size) by area-weighted linear interpolation; stays in its range."""
    down, across = (_weights(length, size) for length in scores.shape)
    return down @ scores @ across.T


def _weights(source: int, target: int) -> np.ndarray:
    """(target, source) float32 rows of a triangle filter, as wide as the reduction asks."""
    step = source / target
    centres = (np.arange(target) + 0.5) * step - 0.5
    distance = np.abs(np.arange(source)[None] - centres[:, None]) / max(step, 1.0)
    rows = np.maximum(0, 1 - distance)
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)

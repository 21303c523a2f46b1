"""Small steps that improve a matte: alpha in, alpha out, (H, W) float32 in [0, 1], new arrays.

Each is defined for an empty and for a full matte. Lengths are in pixels of the image; areas are
shares of the image, so that the same option means the same at any size.
"""

import cv2
import numpy as np

# Alpha above which a pixel belongs to a region. Fainter haze would join a speck to the subject.
VISIBLE = 0.1
# The soft rim of a removed speck: the model's map has 320 cells a side, and its upsampling
# spreads a point over about two of them.
RIM_CELLS, CELLS = 2, 320


def threshold(alpha: np.ndarray, level: float = 0.5, softness: float = 0.0) -> np.ndarray:
    """Harden a matte: 1 at or above `level`, 0 below.

    softness: width in alpha of a smooth ramp (smoothstep) centred on the level; 0 is binary.
    """
    if softness <= 0:
        return (alpha >= level).astype(np.float32)
    ramp = np.clip((alpha - (level - softness / 2)) / softness, 0, 1).astype(np.float32)
    return ramp * ramp * (3 - 2 * ramp)


def drop_specks(alpha: np.ndarray, share: float = 0.001) -> np.ndarray:
    """Clear separate regions smaller than `share` of the image; the largest always stays."""
    labels, areas = _regions(alpha > VISIBLE)
    small = areas < share * alpha.size
    if len(areas) > 1:
        small[1 + np.argmax(areas[1:])] = False
    return _clear(alpha, labels, small)


def fill_holes(alpha: np.ndarray, share: float = 0.01) -> np.ndarray:
    """Fill holes smaller than `share` of the image; a hole at the border is background."""
    inverse = 1 - alpha
    labels, areas = _regions(inverse > VISIBLE)
    small = areas < share * alpha.size
    border = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    small[np.unique(np.concatenate(border))] = False
    return 1 - _clear(inverse, labels, small)


def smooth(alpha: np.ndarray, radius_px: float = 2) -> np.ndarray:
    """Smooth the outline and keep its softness: median over a square of 2 radius + 1.

    The median moves the outline of every level by majority, so a hard edge stays hard, which a
    Gaussian would not do. Done on 8 bits; radius at most 127.
    """
    if radius_px < 1:
        return alpha.copy()
    grey = np.rint(alpha * 255).astype(np.uint8)
    size = 2 * min(int(radius_px), 127) + 1
    median: np.ndarray = cv2.medianBlur(grey, size)
    return median.astype(np.float32) / np.float32(255)


def enhance_edges(alpha: np.ndarray, weight: float = 0.5) -> np.ndarray:
    """`alpha + weight * edges(alpha)`, clipped; edges are Sobel magnitudes, 1 at a full step."""
    # The 3 x 3 Sobel kernel gives 4 for a step from 0 to 1.
    across = cv2.Sobel(alpha, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(alpha, cv2.CV_32F, 0, 1, scale=0.25)
    # Not cv2.magnitude: its last bit depends on the address of its result in memory.
    edges = np.minimum(np.sqrt(across * across + down * down), 1)
    total: np.ndarray = cv2.scaleAdd(edges, float(weight), alpha)
    return np.clip(total, 0, 1)


def feather(alpha: np.ndarray, radius_px: float = 2.0) -> np.ndarray:
    """Soften the outline over about `radius_px` to each side (Gaussian, sigma half of it)."""
    if radius_px <= 0:
        return alpha.copy()
    blurred: np.ndarray = cv2.GaussianBlur(alpha, (0, 0), radius_px / 2)
    return np.clip(blurred, 0, 1)


def _regions(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (8-connected) and area of each in pixels; that of label 0, the rest, is infinite."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = np.inf
    return labels, areas


def _clear(alpha: np.ndarray, labels: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Set the regions marked `small`, with their faint rim, to zero."""
    if not small.any():
        return alpha.copy()
    cleared = small[labels].astype(np.uint8)
    side = 2 * -(-RIM_CELLS * max(alpha.shape) // CELLS) + 1
    near = cv2.dilate(cleared, np.ones((side, side), np.uint8)).astype(bool)
    return np.where(near & ((labels == 0) | cleared.astype(bool)), np.float32(0), alpha)

"""Placement, shadow and colours behind the edge, on arrays."""

import cv2
import numpy as np

from cutout.compose.geometry import Box

Layer = tuple[np.ndarray, np.ndarray]


def resize(rgb: np.ndarray, alpha: np.ndarray, size: tuple[int, int]) -> Layer:
    """Scale to `size` (height, width), colours weighted by alpha."""
    to = size[::-1]
    smaller = size[0] * size[1] < alpha.size
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    weight = alpha[..., None] + np.float32(1e-4)
    total = cv2.resize(rgb * weight, to, interpolation=method)
    out = np.clip(cv2.resize(alpha, to, interpolation=method), 0, 1)
    return cv2.convertScaleAbs(np.maximum(total / (out[..., None] + np.float32(1e-4)), 0)), out


def place(
    rgb: np.ndarray, alpha: np.ndarray, box: Box, scale: float | None, at: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, Box]:
    """The subject of `box` scaled to a share of the canvas and moved, and its new box."""
    height, width = alpha.shape
    top, left, box_height, box_width = box
    part = slice(top, top + box_height), slice(left, left + box_width)
    colours, matte = rgb[part], alpha[part]
    if scale is not None:
        factor = min(scale * height / box_height, scale * width / box_width)
        size = max(1, round(box_height * factor)), max(1, round(box_width * factor))
        colours, matte = resize(colours, matte, (min(size[0], height), min(size[1], width)))
    rows, columns = matte.shape
    top, left = round((height - rows) * at[1]), round((width - columns) * at[0])
    out = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32)
    part = slice(top, top + rows), slice(left, left + columns)
    out[0][part], out[1][part] = colours, matte
    return *out, (top, left, rows, columns)


def drop_shadow(rgb: np.ndarray, alpha: np.ndarray, opacity: float) -> Layer:
    """The subject over a soft black shadow below it."""
    height, width = alpha.shape
    shift = round(0.02 * height)
    moved = np.zeros_like(alpha)
    moved[shift:] = alpha[: height - shift] if shift else alpha
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.015 * float(np.hypot(height, width)), 0.5))
    behind = (1 - alpha) * soft * np.float32(opacity)
    total = alpha + behind
    share = np.divide(alpha, total, out=np.zeros_like(alpha), where=total > 0)
    return cv2.convertScaleAbs(rgb * share[..., None]), total


def extend_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The subject's colours spread over everything that is clear."""
    known = (alpha > 0).astype(np.uint8)
    if not known.any():
        return np.zeros_like(rgb)
    _, nearest = cv2.distanceTransformWithLabels(
        1 - known, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[known > 0]] = rgb[known > 0]
    return np.where(known[..., None] > 0, rgb, colours[nearest])

"""The subject's box, crop, margin and scale."""

import cv2
import numpy as np

from cutout.compose.lengths import Length, parse_length, to_px, within
from cutout.errors import InvalidValue

# Top, right, bottom, left; top, left, height, width (px).
Margin = tuple[Length, ...]
Box = tuple[int, int, int, int]

MAX_PX, MAX_PERCENT = 500, 50
# About the faintest alpha that the eye sees on a plain background: haze would widen the box.
BOX_LEVEL = 0.05


def parse_margin(text: str) -> Margin:
    """Top, right, bottom, left as ((amount, unit), ...) from 1, 2 or 4 lengths, as in CSS.

    A length is `30px`, `30` (px) or `5%` of the subject's own height or width. Raises InvalidValue.
    """
    lengths = [length for word in text.split() if (length := _margin_length(word))]
    if len(lengths) != len(text.split()) or len(lengths) not in (1, 2, 4):
        raise InvalidValue(
            f"{text[:40]!r} is not a margin: give 1, 2 or 4 lengths such as 30px or 5%, "
            f"at most {MAX_PX}px or {MAX_PERCENT}%.",
            allowed=f"0..{MAX_PX}px or 0..{MAX_PERCENT}%",
        )
    return tuple((lengths * 4)[:4])


def _margin_length(word: str) -> Length | None:
    length = parse_length(word)
    valid = length and word[0] not in "+-" and within(length, MAX_PX, MAX_PERCENT)
    return length if valid else None


def subject_box(alpha: np.ndarray) -> Box:
    """(top, left, height, width) of what is visible; nothing visible gives the whole image."""
    left, top, width, height = cv2.boundingRect((alpha > BOX_LEVEL).astype(np.uint8))
    return (top, left, height, width) if width else (0, 0, alpha.shape[0], alpha.shape[1])


def with_margin(box: Box, margin: Margin, size: tuple[int, ...], beyond: bool = False) -> Box:
    """Grow a box by a margin (of `parse_margin`).

    size: (height, width) of the image, where the box ends unless `beyond` lets it reach past
    the image's border; `crop` gives empty canvas there.
    """
    top, left, height, width = box
    above, right, below, before = (
        to_px(length, whole)
        for length, whole in zip(margin, (height, width, height, width), strict=True)
    )
    first_row, first_column = top - above, left - before
    last_row, last_column = top + height + below, left + width + right
    if not beyond:
        first_row, first_column = max(first_row, 0), max(first_column, 0)
        last_row, last_column = min(last_row, size[0]), min(last_column, size[1])
    return first_row, first_column, last_row - first_row, last_column - first_column


def crop(rgb: np.ndarray, alpha: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The part of image and matte inside a box: views, not copies.

    Of a box that reaches beyond the image, new arrays with zeros there.
    """
    top, left, height, width = box
    first_row, first_column = max(top, 0), max(left, 0)
    last_row, last_column = min(top + height, len(alpha)), min(left + width, alpha.shape[1])
    part = slice(first_row, last_row), slice(first_column, last_column)
    if alpha[part].shape == (height, width):
        return rgb[part], alpha[part]
    inside = (
        slice(first_row - top, last_row - top),
        slice(first_column - left, last_column - left),
    )
    canvas = np.zeros((height, width, 3), rgb.dtype), np.zeros((height, width), alpha.dtype)
    canvas[0][inside], canvas[1][inside] = rgb[part], alpha[part]
    return canvas


def size_within(size: tuple[int, ...], megapixels: float) -> tuple[int, int]:
    """(height, width) of at most about `megapixels` (1,000,000 pixels) in the same ratio.

    Never larger than `size`. Each side is rounded to the nearest pixel, 1 at least, on its own: the
    product may exceed the limit a little, and more where a side is of few pixels.
    """
    height, width = size[:2]
    scale = min(1.0, (megapixels * 1e6 / (height * width)) ** 0.5)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def fit_within(rgb: np.ndarray, alpha: np.ndarray, max_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale down so that the longer side is at most `max_size` pixels; never up."""
    height, width = alpha.shape
    scale = max_size / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return scale_down(rgb, alpha, size if scale < 1 else (height, width))


def scale_down(
    rgb: np.ndarray, alpha: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Scale image and matte down to `size` (height, width); as they are where they have it.

    Colours are averaged by their alpha: the hidden colour of a transparent pixel must not bleed
    into the edge.
    """
    if size == alpha.shape:
        return rgb, alpha
    small = size[::-1]
    small_alpha = np.clip(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA), 0, 1)
    # The small constant keeps the plain average where nothing is visible.
    weight = alpha[..., None] + np.float32(1e-4)
    total = cv2.resize(rgb * weight, small, interpolation=cv2.INTER_AREA)
    colours: np.ndarray = total / (small_alpha[..., None] + np.float32(1e-4))
    return cv2.convertScaleAbs(colours), small_alpha

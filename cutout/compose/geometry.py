"""The subject's box, crop, margin and scale."""

import re

import cv2
import numpy as np

from cutout.errors import InvalidValue

# Amount and unit, `px` or `%`; top, right, bottom, left; top, left, height, width.
Length = tuple[float, str]
Margin = tuple[Length, ...]
Box = tuple[int, int, int, int]

LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(px|%)?")
MAX_PX, MAX_PERCENT = 500, 50
# Seen by eye on a plain background: fainter haze would widen the box for nothing.
BOX_LEVEL = 0.05


def parse_margin(text: str) -> Margin:
    """Top, right, bottom, left as ((amount, unit), ...) from 1, 2 or 4 lengths, as in CSS.

    A length is `30px`, `30` (px) or `5%` of the subject's own height or width.
    """
    words = text.split()
    if len(words) not in (1, 2, 4):
        raise _bad_margin(text)
    lengths = [_parse_length(word, text) for word in words]
    return tuple((lengths * 4)[:4]) if len(words) < 4 else tuple(lengths)


def subject_box(alpha: np.ndarray) -> Box:
    """(top, left, height, width) of what is visible; nothing visible gives the whole picture."""
    left, top, width, height = cv2.boundingRect((alpha > BOX_LEVEL).astype(np.uint8))
    return (top, left, height, width) if width else (0, 0, *alpha.shape)


def with_margin(box: Box, margin: Margin, size: tuple[int, int]) -> Box:
    """Grow a box by a margin (of `parse_margin`), never beyond the picture's `size`."""
    top, left, height, width = box
    spans = (height, width, height, width)
    grow = [
        round(amount * span / 100 if unit == "%" else amount)
        for (amount, unit), span in zip(margin, spans, strict=True)
    ]
    first_row, first_column = max(top - grow[0], 0), max(left - grow[3], 0)
    last_row = min(top + height + grow[2], size[0])
    last_column = min(left + width + grow[1], size[1])
    return first_row, first_column, last_row - first_row, last_column - first_column


def crop(rgb: np.ndarray, alpha: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The part of picture and matte inside a box; views, not copies."""
    top, left, height, width = box
    part = slice(top, top + height), slice(left, left + width)
    return rgb[part], alpha[part]


def fit_within(rgb: np.ndarray, alpha: np.ndarray, max_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale down so that the longer side is at most `max_size` pixels; never up.

    Colours are averaged by their alpha: a clear pixel's colour must not bleed into the rim.
    """
    height, width = alpha.shape
    scale = max_size / max(height, width)
    if scale >= 1:
        return rgb, alpha
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small_alpha = np.clip(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), 0, 1)
    # The small constant keeps the plain average where nothing is visible.
    weight = alpha[..., None] + np.float32(1e-4)
    total = cv2.resize(rgb * weight, size, interpolation=cv2.INTER_AREA)
    colours = total / (small_alpha[..., None] + np.float32(1e-4))
    return cv2.convertScaleAbs(colours), small_alpha


def _parse_length(word: str, text: str) -> Length:
    match = LENGTH.fullmatch(word)
    if not match:
        raise _bad_margin(text)
    amount, unit = float(match[1]), match[2] or "px"
    if amount > (MAX_PERCENT if unit == "%" else MAX_PX):
        raise _bad_margin(text)
    return amount, unit


def _bad_margin(text: str) -> InvalidValue:
    return InvalidValue(
        f"{text[:40]!r} is not a margin: give 1, 2 or 4 lengths such as 30px or 5%, "
        f"at most {MAX_PX}px or {MAX_PERCENT}%.",
        allowed=f"0..{MAX_PX}px or 0..{MAX_PERCENT}%",
    )

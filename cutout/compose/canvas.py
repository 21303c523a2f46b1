"""Place a cut-out on a canvas: the canvas's size, the subject's share of it, its position."""

import re

import numpy as np

from cutout.compose.geometry import Box, subject_box
from cutout.compose.lengths import Length, parse_length
from cutout.compose.resample import resample
from cutout.errors import InvalidValue
from cutout.pixels import to_level

# Vertical and horizontal, as CSS has them in `background-position`: a percentage is of the space
# that the subject's box leaves free, `px` are from the top and from the left.
Position = tuple[Length, Length]

CENTRE: Position = ((50.0, "%"), (50.0, "%"))
MAX_SIDE, MIN_PERCENT = 10_000, 10
CANVAS = re.compile(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", re.IGNORECASE)  # noqa: RUF001


def parse_canvas(text: str) -> tuple[int, int]:
    """(height, width) of `WIDTHxHEIGHT` in pixels, such as 2000x1500. Raises InvalidValue."""
    match = CANVAS.fullmatch(text.strip())
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InvalidValue(
            f"{text[:40]!r} is not a canvas: give width and height in pixels such as 2000x1500, "
            f"each from 1 to {MAX_SIDE}.",
            allowed=f"1x1..{MAX_SIDE}x{MAX_SIDE}",
        )
    return height, width


def parse_scale(text: str) -> float | None:
    """Share of the canvas (0.1 to 1) that the subject's box may take; None for `original`.

    From `10%` to `100%`. Raises InvalidValue.
    """
    word = text.strip().lower()
    if word == "original":
        return None
    length = parse_length(word)
    if not length or length[1] != "%" or not MIN_PERCENT <= length[0] <= 100:
        raise InvalidValue(
            f"{text[:40]!r} is not a scale: give original or a percentage from {MIN_PERCENT}% to "
            "100%.",
            allowed=f"original, {MIN_PERCENT}%..100%",
        )
    return length[0] / 100


def parse_position(text: str) -> Position | None:
    """(vertical, horizontal) position of the subject's box; None for `original`.

    `center`, one percentage for both directions, or horizontal and vertical as in CSS, each 0% to
    100% or px. Raises InvalidValue.
    """
    words = text.lower().split()
    if words == ["original"]:
        return None
    if words == ["center"]:
        return CENTRE
    lengths = [length for word in words if (length := _position_length(word))]
    if len(lengths) != len(words) or len(lengths) not in (1, 2):
        raise InvalidValue(
            f"{text[:40]!r} is not a position: give original, center, a percentage such as 50%, or "
            "horizontal and vertical such as 10% 90% or 10px 20px.",
            allowed=f"original, center, 0%..100%, 0..{MAX_SIDE}px",
        )
    return lengths[-1], lengths[0]


def _position_length(word: str) -> Length | None:
    length = parse_length(word)
    limit = 100 if length and length[1] == "%" else MAX_SIDE
    return length if length and 0 <= length[0] <= limit else None


def place(
    rgb: np.ndarray,
    alpha: np.ndarray,
    canvas: tuple[int, int],
    scale: float | None = None,
    position: Position | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Put a cut-out on a canvas: (rgb, alpha) of the canvas's size, zero around the image.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32; canvas: (height, width). scale: the subject's box
    is resized, its ratio kept, to the largest that fits this share of the canvas in both
    directions; None: it keeps its size, or is scaled down to fit. position: of the box, moved
    where it would leave the canvas; None: the free space is divided as in the image. What surrounds
    the box in the image goes with it. Scaled once, from the image as it is; a subject that is not
    scaled keeps its colours bit for bit. RGB is zero where alpha rounds to zero in 8 bits.
    """
    box = subject_box(alpha)
    size = _scaled_size(box, canvas, scale)
    vertical, horizontal = position or (None, None)
    offset = (
        _offset(vertical, canvas[0] - size[0], (box[0], alpha.shape[0] - box[2])),
        _offset(horizontal, canvas[1] - size[1], (box[1], alpha.shape[1] - box[3])),
    )
    rows = _mapped((box[0], box[2]), (offset[0], size[0]), alpha.shape[0], canvas[0])
    columns = _mapped((box[1], box[3]), (offset[1], size[1]), alpha.shape[1], canvas[1])
    part = _part(rgb, alpha, rows, columns)
    out, out_alpha = np.zeros((*canvas, 3), np.uint8), np.zeros(canvas, np.float32)
    out[rows[0], columns[0]], out_alpha[rows[0], columns[0]] = part
    return out, out_alpha


def _scaled_size(box: Box, canvas: tuple[int, int], scale: float | None) -> tuple[int, int]:
    """(height, width) of the subject's box on the canvas."""
    factor = min(canvas[0] / box[2], canvas[1] / box[3])
    factor = min(1.0, factor) if scale is None else factor * scale
    return max(1, round(box[2] * factor)), max(1, round(box[3] * factor))


def _offset(length: Length | None, free: int, before: tuple[int, int]) -> int:
    """Pixels in front of the box in one direction.

    free: what the box leaves of the canvas; before: pixels in front of it in the image, and what
    it leaves of the image.
    """
    if length is None:
        share = before[0] / before[1] if before[1] else 0.5
    elif length[1] == "%":
        share = length[0] / 100
    else:
        return min(round(length[0]), free)
    return int(share * free + 0.5)


# Canvas pixels in one direction, and where in the image they begin and end.
Mapped = tuple[slice, float, float]


def _mapped(source: tuple[int, int], target: tuple[int, int], length: int, canvas: int) -> Mapped:
    """The canvas pixels that the image covers in one direction, and what of it they show.

    source, target: start and length of the subject's box in the image and on the canvas; length,
    canvas: of the whole image and canvas.
    """
    (start, side), (offset, scaled) = source, target
    first = max(0, offset - start * scaled // side)
    last = min(canvas, offset + (length - start) * scaled // side)
    begin, end = (start + (pixel - offset) * side / scaled for pixel in (first, last))
    return slice(first, last), max(begin, 0.0), min(end, float(length))


def _part(
    rgb: np.ndarray, alpha: np.ndarray, rows: Mapped, columns: Mapped
) -> tuple[np.ndarray, np.ndarray]:
    """What the canvas shows of an image, scaled unless it has the size already."""
    (_, top, bottom), (_, left, right) = rows, columns
    size = rows[0].stop - rows[0].start, columns[0].stop - columns[0].start
    if (bottom - top, right - left) != size:
        return resample(rgb, alpha, (top, left, bottom, right), size)
    part = slice(int(top), int(bottom)), slice(int(left), int(right))
    visible = to_level(alpha[part]) > 0
    return rgb[part] * visible[..., None], alpha[part]

"""Where things are: parameters `roi`, `crop_margin`, `scale` and `position`."""

import math
from dataclasses import dataclass

from cutout.compose import canvas
from cutout.errors import InvalidValue
from cutout.removebg.errors import DialectError, invalid
from cutout.removebg.values import Length, length, text

# Larger margins are taken as these.
MAX_PX, MAX_PERCENT = 500, 50

# Top, left, height, width.
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Roi:
    """A rectangle outside of which nothing is subject: left, top, right, bottom, px or %."""

    corners: tuple[Length, Length, Length, Length]

    def box(self, size: tuple[int, int]) -> Box | None:
        """The rectangle in px on an upright image of `size` (height, width); None: all of it.

        Raises DialectError `roi_exceeds_bounds` or `roi_region_empty`.
        """
        height, width = size
        left, top, right, bottom = (
            _pixels(corner, side)
            for corner, side in zip(self.corners, (width, height, width, height), strict=True)
        )
        if max(left, right) > width or max(top, bottom) > height:
            raise DialectError(
                "roi_exceeds_bounds", f"The image is {width} x {height} pixels; stay inside."
            )
        if right <= left or bottom <= top:
            raise DialectError(
                "roi_region_empty", "The second corner must be right of and below the first."
            )
        box = (top, left, bottom - top, right - left)
        return None if box == (0, 0, height, width) else box


def parse_roi(value: object) -> Roi | None:
    """`x1 y1 x2 y2`, each a number, px or %; None when not given. Raises `invalid_roi`."""
    words = text(value).split()
    if not words:
        return None
    if any(word.startswith("-") and length(word[1:]) for word in words):
        raise DialectError("roi_exceeds_bounds", "A corner lies left of or above the image.")
    corners = [length(word) for word in words]
    if len(corners) != 4 or None in corners:
        raise invalid("roi", "four lengths in px or %, such as '10% 20px 90% 100%',")
    first, second, third, fourth = (corner for corner in corners if corner)
    return Roi((first, second, third, fourth))


def parse_margin(value: object) -> str:
    """1, 2 or 4 lengths, those above the dialect's limits taken as the limit: `500px`, `50%`.

    Returns text that the option `crop_margin` reads. Raises `invalid_crop_margin`.
    """
    words = text(value).split() or ["0"]
    lengths = [length(word) for word in words]
    if len(lengths) not in (1, 2, 4) or None in lengths:
        raise invalid("crop_margin", "1, 2 or 4 lengths such as 30px or 10%")
    return " ".join(_clamped(found) for found in lengths if found)


def parse_scale(value: object) -> float | None:
    """Share of the canvas that the subject fills, 0.1 to 1; None: as it is. `invalid_scale`."""
    try:
        return canvas.parse_scale(text(value) or "original")
    except InvalidValue:
        raise invalid("scale", "original, or 10% to 100%,") from None


def parse_position(value: object, scaled: bool) -> canvas.Position | None:
    """Where the subject goes, in percent; None: where it is. Raises `invalid_position`.

    scaled: whether `scale` is given, which centres the subject unless a position is.
    """
    word = text(value) or ("center" if scaled else "original")
    try:
        position = canvas.parse_position(word)
    except InvalidValue:
        position = (0, "invalid"), (0, "invalid")
    if position and any(unit != "%" for _, unit in position):
        raise invalid("position", "original, center, or one or two values from 0% to 100%,")
    return position


def _pixels(corner: Length, side: int) -> int:
    amount, unit = corner
    return math.floor((amount * side / 100 if unit == "%" else amount) + 0.5)


def _clamped(found: Length) -> str:
    amount, unit = found
    amount = min(amount, MAX_PERCENT if unit == "%" else MAX_PX)
    # Never `1e-05`, which no grammar of lengths knows.
    return f"{amount:.3f}".rstrip("0").rstrip(".") + unit

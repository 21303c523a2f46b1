"""Colour words of a request."""

import re

from PIL import ImageColor

from cutout.errors import InvalidValue

HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)


def parse_colour(text: str) -> tuple[int, int, int, int]:
    """(r, g, b, a) of 0..255 from 3, 4, 6 or 8 hex digits (# optional) or a CSS name.

    `transparent` is a CSS name too. A word like `bad` is hexadecimal as well as English: digits
    win, as in the remove.bg dialect; no CSS name is made of such digits.
    """
    word = text.strip().lower()
    if word == "transparent":
        return 0, 0, 0, 0
    if match := HEX.fullmatch(word):
        return ImageColor.getcolor(f"#{match[1]}", "RGBA")
    if word in ImageColor.colormap:
        return ImageColor.getcolor(word, "RGBA")
    raise InvalidValue(
        f"{text[:40]!r} is not a colour: give 3, 4, 6 or 8 hex digits or a CSS colour name.",
        allowed="#rgb, #rgba, #rrggbb, #rrggbbaa, CSS colour names",
    )

"""Colours in requests: hex digits or CSS names."""

import re

from PIL import ImageColor

from cutout.errors import InvalidValue

HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)


def parse_colour(text: str) -> tuple[int, int, int, int]:
    """(r, g, b, a) of 0..255 from 3, 4, 6 or 8 hex digits (# optional) or a CSS name.

    `transparent` is a CSS name too. Hex digits that spell a word, such as `bad`, are hex digits; no
    CSS name consists of such. Raises InvalidValue for anything else.
    """
    word = text.strip().lower()
    if word == "transparent":
        return 0, 0, 0, 0
    match = HEX.fullmatch(word)
    if match or word in ImageColor.colormap:
        red, green, blue, *alpha = ImageColor.getrgb(f"#{match[1]}" if match else word)
        return red, green, blue, alpha[0] if alpha else 255
    raise InvalidValue(
        f"{text[:40]!r} is not a colour: give 3, 4, 6 or 8 hex digits or a CSS colour name.",
        allowed="#rgb, #rgba, #rrggbb, #rrggbbaa, CSS colour names",
    )

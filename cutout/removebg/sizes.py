"""Size names of the dialect as budgets of pixels. 1 megapixel is 1,000,000 pixels."""

import math

SMALL = "preview"
# Every name in use, with the name that stands for it.
NAMES = {
    "preview": SMALL,
    "small": SMALL,
    "regular": SMALL,
    "medium": "medium",
    "hd": "hd",
    "full": "full",
    "4k": "full",
    "50mp": "50MP",
    "auto": "auto",
}
MAX_PIXELS = {
    "preview": 250_000,
    "medium": 1_500_000,
    "hd": 4_000_000,
    "full": 25_000_000,
    "50MP": 50_000_000,
    "auto": 25_000_000,
}
PNG_MAX_PIXELS = 10_000_000


def max_pixels(size: str, png: bool) -> int:
    """Pixels that a result may have; a PNG never more than 10 megapixels."""
    return min(MAX_PIXELS[size], PNG_MAX_PIXELS) if png else MAX_PIXELS[size]


def fitted(size: tuple[int, int], budget: int) -> tuple[int, int]:
    """(height, width) scaled down to `budget` pixels, each side rounded on its own; never up.

    The product may pass the budget by a rounding: 5184 x 3456 gives 3873 x 2582 of 10,000,000.
    """
    height, width = size
    scale = min(1.0, math.sqrt(budget / (height * width)))
    return max(1, math.floor(height * scale + 0.5)), max(1, math.floor(width * scale + 0.5))

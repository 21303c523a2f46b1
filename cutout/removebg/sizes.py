"""Size names of the dialect as megapixels of the result. 1 megapixel is 1,000,000 pixels."""

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
MEGAPIXELS = {
    "preview": 0.25,
    "medium": 1.5,
    "hd": 4.0,
    "full": 25.0,
    "50MP": 50.0,
    "auto": 25.0,
}
PNG_MEGAPIXELS = 10.0


def megapixels(size: str, png: bool) -> float:
    """What a result may have; a PNG never more than 10 megapixels."""
    return min(MEGAPIXELS[size], PNG_MEGAPIXELS) if png else MEGAPIXELS[size]

"""Image files to arrays and back: type, limits, EXIF, ICC, bit depth; encoding."""

from cutout.images.decoding import NEUTRAL, DecodedImage, decode, decode_mask
from cutout.images.encoding import SUFFIX, encode
from cutout.images.limits import KNOWN, Header, Limits
from cutout.images.opening import InspectedFile, inspect

__all__ = [
    "KNOWN",
    "NEUTRAL",
    "SUFFIX",
    "DecodedImage",
    "Header",
    "InspectedFile",
    "Limits",
    "decode",
    "decode_mask",
    "encode",
    "inspect",
]

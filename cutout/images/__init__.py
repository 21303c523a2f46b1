"""Image files to arrays and back: type, limits, EXIF, ICC, bit depth; encoding."""

from cutout.images.colour_modes import convert_colours
from cutout.images.decoding import NEUTRAL, DecodedImage, decode, decode_mask
from cutout.images.encoding import SUFFIX, check_encodable, encode
from cutout.images.limits import KNOWN, MAX_DPI, Header, Limits
from cutout.images.opening import InspectedFile, inspect

__all__ = [
    "KNOWN",
    "MAX_DPI",
    "NEUTRAL",
    "SUFFIX",
    "DecodedImage",
    "Header",
    "InspectedFile",
    "Limits",
    "check_encodable",
    "convert_colours",
    "decode",
    "decode_mask",
    "encode",
    "inspect",
]

"""Bytes <-> arrays: sniff, limits before pixels, EXIF, ICC, bit depth; compose; encode."""

from cutout.images.decoding import NEUTRAL, Picture, decode, decode_mask
from cutout.images.encoding import SUFFIX, encode
from cutout.images.limits import KNOWN, Header, Limits
from cutout.images.opening import inspect

__all__ = [
    "KNOWN",
    "NEUTRAL",
    "SUFFIX",
    "Header",
    "Limits",
    "Picture",
    "decode",
    "decode_mask",
    "encode",
    "inspect",
]

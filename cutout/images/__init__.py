"""Bytes <-> arrays: sniff, limits before pixels, EXIF, ICC, bit depth; compose; encode."""

from .composing import compose, to_level
from .decoding import NEUTRAL, Picture, decode, decode_mask
from .encoding import SUFFIX, encode
from .limits import KNOWN, Header, Limits
from .opening import inspect
from .scaling import lanczos

__all__ = [
    "KNOWN",
    "NEUTRAL",
    "SUFFIX",
    "Header",
    "Limits",
    "Picture",
    "compose",
    "decode",
    "decode_mask",
    "encode",
    "inspect",
    "lanczos",
    "to_level",
]

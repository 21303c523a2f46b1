"""Arrays to bytes."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

from ..errors import InvalidValue
from .filters import choose, filtered

# Measured by benchmarks/codecs.py: the lowest level that stays within 5 % of the size that
# Pillow's level 6 gives on every JPEG photograph of 3 megapixels or more tried, at a quarter of its
# time. Level 3 is a third faster and up to 7 % larger. Sharp pictures of a quarter megapixel
# get up to 8 % larger than Pillow's.
_LEVEL = 5
# Rows filtered at a time: few enough to stay in the processor's cache.
_BAND = 32
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}

# What files of each format are named.
SUFFIX = {"png": "png", "webp": "webp", "jpeg": "jpg"}


def encode(array: np.ndarray, format: str = "png", icc: bytes | None = None) -> bytes:
    """A picture file.

    array: (H, W, 4), (H, W, 3) or (H, W), uint8. format: png, webp (quality 90, alpha without
    loss), jpeg (quality 90, no alpha: compose on a background before). icc: profile of the
    colours, embedded as it is.
    """
    if format == "png":
        return _encode_png(array, icc)
    if format not in ("webp", "jpeg"):
        raise InvalidValue(f"Format {format!r} is not known. Use png, webp or jpeg.")
    if format == "jpeg" and array.ndim == 3 and array.shape[2] == 4:
        raise InvalidValue("JPEG has no transparency. Use png or webp, or ask for a background.")
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, quality=90, icc_profile=icc or b"")
    return file.getvalue()


def _encode_png(array: np.ndarray, icc: bytes | None) -> bytes:
    """PNG specification, sections 5, 9 and 11; 8 bits a channel, not interlaced."""
    height, width = array.shape[:2]
    colour = _COLOUR_TYPES[1 if array.ndim == 2 else array.shape[2]]
    parts = [b"\x89PNG\r\n\x1a\n"]
    parts += _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    if icc:
        parts += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    parts += _chunk(b"IDAT", _deflated(array.reshape(height, -1), array[0, 0].size))
    parts += _chunk(b"IEND", b"")
    return b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> list[bytes]:
    checksum = zlib_ng.crc32(body, zlib_ng.crc32(kind))
    return [struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)]


def _deflated(rows: np.ndarray, step: int) -> bytes:
    """Rows, (H, bytes a row) uint8, filtered and compressed. step: bytes a pixel.

    Band by band, so that no second copy of the picture is needed.
    """
    kind = choose(rows, step, lambda sample: zlib_ng.compress(sample, _LEVEL))
    packer = zlib_ng.compressobj(_LEVEL)
    bands = [slice(top, top + _BAND) for top in range(0, len(rows), _BAND)]
    parts = [packer.compress(filtered(rows, kind, band, step)) for band in bands]
    return b"".join([*parts, packer.flush()])

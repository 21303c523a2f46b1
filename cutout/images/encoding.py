"""Arrays to bytes."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

from cutout.errors import InvalidValue
from cutout.images.png_writer import deflate, strategy

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}

# What files of each format are named.
SUFFIX = {"png": "png", "webp": "webp", "jpeg": "jpg"}


INCH_M = 0.0254

Dpi = tuple[float, float]


def encode(
    array: np.ndarray, format: str = "png", icc: bytes | None = None, dpi: Dpi | None = None
) -> bytes:
    """The bytes of an image file.

    array: (H, W, 4), (H, W, 3) or (H, W), uint8. format: png, webp (quality 90, alpha without
    loss), jpeg (quality 90, no alpha: compose on a background before). icc: profile of the
    colours, embedded as it is. dpi: dots an inch, across and down; WebP cannot hold it.
    """
    if format == "png":
        return _encode_png(array, icc, dpi)
    if format not in ("webp", "jpeg"):
        raise InvalidValue(f"Format {format!r} is not known. Use png, webp or jpeg.")
    if format == "jpeg" and array.ndim == 3 and array.shape[2] == 4:
        raise InvalidValue("JPEG has no transparency. Use png or webp, or ask for a background.")
    file = io.BytesIO()
    dots = {"dpi": dpi} if dpi and format == "jpeg" else {}
    Image.fromarray(array).save(file, format, quality=90, icc_profile=icc or b"", **dots)
    return file.getvalue()


def _encode_png(array: np.ndarray, icc: bytes | None, dpi: Dpi | None) -> bytes:
    """PNG specification, sections 5, 9 and 11; 8 bits a channel, not interlaced."""
    height, width = array.shape[:2]
    colour = _COLOUR_TYPES[1 if array.ndim == 2 else array.shape[2]]
    parts = [b"\x89PNG\r\n\x1a\n"]
    parts += _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    if icc:
        parts += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    if dpi:
        metre = [round(dots / INCH_M) for dots in dpi]
        parts += _chunk(b"pHYs", struct.pack(">IIB", *metre, 1))
    rows, pixel_bytes = array.reshape(height, -1), array[0, 0].size
    chosen = strategy.choose_strategy(rows, pixel_bytes)
    for part in deflate.stream(rows, pixel_bytes, chosen):
        parts += _chunk(b"IDAT", part)
    parts += _chunk(b"IEND", b"")
    return b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> list[bytes]:
    checksum = zlib_ng.crc32(body, zlib_ng.crc32(kind))
    return [struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)]

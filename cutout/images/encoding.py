"""Arrays to image files."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

from cutout.errors import InvalidValue
from cutout.images.limits import MAX_DPI
from cutout.images.png_writer import deflate, strategy

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_METRES_PER_INCH = 0.0254

# What files of each format are named.
SUFFIX = {"png": "png", "webp": "webp", "jpeg": "jpg"}
# Pixels a side, by RFC 9649 (14 bits), libjpeg's JPEG_MAX_DIMENSION, and the PNG specification.
_MAX_SIDE_PX = {"webp": 16_383, "jpeg": 65_500, "png": 2**31 - 1}


def check_encodable(size: tuple[int, int], format: str) -> None:
    """Refuse a format that cannot hold an image of `size` (height, width).

    Raises InvalidValue naming the limit and the formats that can. To be called before work on an
    image begins; `encode` checks again.
    """
    if format not in _MAX_SIDE_PX:
        raise InvalidValue(f"Format {format!r} is not known. Use png, webp or jpeg.")
    if max(size) > _MAX_SIDE_PX[format]:
        others = [name for name, limit in _MAX_SIDE_PX.items() if max(size) <= limit]
        advice = f"Use {' or '.join(others)}, or ask" if others else "Ask"
        raise InvalidValue(
            f"An image of {size[1]} x {size[0]} pixels cannot be written as {format}: "
            f"at most {_MAX_SIDE_PX[format]} pixels a side. {advice} for a smaller image.",
            format=format,
            limit=_MAX_SIDE_PX[format],
            allowed=others,
        )


def encode(
    array: np.ndarray,
    format: str = "png",
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    compression: strategy.Compression = "balanced",
) -> bytes:
    """The bytes of an image file.

    array: (H, W, 4), (H, W, 3) or (H, W), uint8. format: png, webp (quality 90, alpha without
    loss), jpeg (quality 90, no alpha: compose on a background before). icc: profile of the
    colours, embedded as it is. dpi: horizontal and vertical dots per inch, from 1 to `MAX_DPI`;
    PNG keeps them as dots per metre, JPEG as whole numbers, WebP has no field for them.
    compression: of a PNG, without loss in each case; the other formats ignore it.
    Raises InvalidValue for what the format cannot hold.
    """
    check_encodable(array.shape[:2], format)
    if dpi and not all(1 <= value <= MAX_DPI for value in dpi):
        raise InvalidValue(f"Dots per inch are at least 1 and at most {MAX_DPI}.")
    if format == "png":
        return _encode_png(array, icc, dpi, compression)
    if format == "jpeg" and array.ndim == 3 and array.shape[2] == 4:
        raise InvalidValue("JPEG has no transparency. Use png or webp, or ask for a background.")
    file = io.BytesIO()
    density = {"dpi": dpi} if dpi and format == "jpeg" else {}
    Image.fromarray(array).save(file, format, quality=90, icc_profile=icc or b"", **density)
    return file.getvalue()


def _encode_png(
    array: np.ndarray,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    compression: strategy.Compression,
) -> bytes:
    """PNG specification, sections 5, 9 and 11; 8 bits a channel, not interlaced."""
    height, width = array.shape[:2]
    colour = _COLOUR_TYPES[1 if array.ndim == 2 else array.shape[2]]
    parts = [b"\x89PNG\r\n\x1a\n"]
    parts += _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    if icc:
        parts += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    if dpi:
        per_metre = (round(value / _METRES_PER_INCH) for value in dpi)
        parts += _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    rows, pixel_bytes = array.reshape(height, -1), array[0, 0].size
    chosen = strategy.choose_strategy(rows, pixel_bytes, compression)
    for part in deflate.stream(rows, pixel_bytes, chosen):
        parts += _chunk(b"IDAT", part)
    parts += _chunk(b"IEND", b"")
    return b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> list[bytes]:
    checksum = zlib_ng.crc32(body, zlib_ng.crc32(kind))
    return [struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)]

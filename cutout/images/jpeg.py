"""JPEG: checks that no decoder makes, and the fast decoder for the common kind.

Source of the marker syntax: ITU-T T.81, annex B.
"""

import re

import numpy as np
import simplejpeg
from PIL import Image

from cutout.errors import UndecodableImage

# A progressive file may repeat scans without limit; each costs a pass over the whole image, so a
# small file can cost minutes. Encoders write at most about a dozen.
_MAX_SCANS = 100
# Segments before the first scan. Pillow reads them in Python and joins those of EXIF one by one,
# which is quadratic, and skips bytes between segments singly. Large profiles and XMP blocks are
# split into some hundred segments, EXIF into a few.
_MAX_SEGMENTS, _MAX_EXIF_SEGMENTS, _MAX_STRAY_BYTES = 5_000, 50, 1 << 16
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
# Markers without a length: TEM, RST0 to RST7, SOI, EOI.
_STANDALONE = {0x01, *range(0xD0, 0xDA)}
# Warnings of libjpeg about files that cameras do write and every program shows.
_HARMLESS = ("before marker 0xd9", "Invalid SOS parameters", "Unknown Adobe color transform")


def check_jpeg(data: bytes) -> None:
    """Refuse a file without its end marker (cut off), or that is made to take long to read."""
    if b"\xff\xd9" not in data:
        raise UndecodableImage("The JPEG file is cut off. Send it again.")
    # 0xFF inside compressed data is always followed by 0, so these two bytes are a marker, or
    # chance inside metadata, which the limit leaves room for.
    if data.count(b"\xff\xda") > _MAX_SCANS:
        raise UndecodableImage("The JPEG file has too many scans. Export it again.")
    _check_segments(data)


def _check_segments(data: bytes) -> None:
    """Limit what stands before the first scan: segments, EXIF segments, bytes between them."""
    offset = segments = exif_segments = stray = 0
    while marker := _MARKER.search(data, offset):
        stray += marker.start() - offset
        kind, offset = marker[1][0], marker.end()
        if kind == _START_OF_SCAN:
            break
        segments += 1
        if kind not in _STANDALONE:
            exif_segments += kind == _APP1 and data.startswith(b"Exif", offset + 2)
            offset += max(2, int.from_bytes(data[offset : offset + 2], "big"))
        if segments > _MAX_SEGMENTS or exif_segments > _MAX_EXIF_SEGMENTS:
            raise UndecodableImage("The JPEG file has too many segments. Export it again.")
    if marker is None:
        raise UndecodableImage("The JPEG file has no pixels. Export it again.")
    if stray > _MAX_STRAY_BYTES:
        raise UndecodableImage("The JPEG file has foreign bytes in its header. Export it again.")


def fast_decoder_supports(image: Image.Image) -> bool:
    """Whether `decode_fast` may read it: three channels, 8 bit, YCbCr or RGB."""
    return image.format == "JPEG" and image.mode == "RGB" and getattr(image, "layers", 3) == 3


def decode_fast(data: bytes) -> np.ndarray | None:
    """(H, W, 3) uint8, not yet upright; None where Pillow has to decode.

    A damaged or cut off file is an error. libjpeg stops at its first warning here, so after a
    harmless one it is not known whether others would follow.
    """
    try:
        rgb: np.ndarray = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    except ValueError as error:
        if any(words in str(error) for words in _HARMLESS):
            return None
        if "memory" in str(error).lower():
            raise MemoryError from error
        raise UndecodableImage(
            "The JPEG file is damaged or cut off. Send it again, or export it anew."
        ) from error
    return rgb

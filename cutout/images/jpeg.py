"""JPEG: checks that no decoder makes, and the fast decoder for the common kind."""

import numpy as np
import simplejpeg
from PIL import Image

from cutout.errors import UndecodableImage

# A progressive file may repeat scans without limit; each costs a pass over the whole image, so a
# small file can cost minutes. Encoders write at most about a dozen.
_MAX_SCANS = 100
# Warnings of libjpeg about files that cameras do write and every program shows.
_HARMLESS = ("before marker 0xd9", "Invalid SOS parameters", "Unknown Adobe color transform")


def check_jpeg(data: bytes) -> None:
    """Refuse a file without its end marker (cut off) or with too many scans."""
    if b"\xff\xd9" not in data:
        raise UndecodableImage("The JPEG file is cut off. Send it again.")
    # 0xFF inside compressed data is always followed by 0, so these two bytes are a marker, or
    # chance inside metadata, which the limit leaves room for.
    if data.count(b"\xff\xda") > _MAX_SCANS:
        raise UndecodableImage("The JPEG file has too many scans. Export it again.")


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
        raise UndecodableImage(
            "The JPEG file is damaged or cut off. Send it again, or export it anew."
        ) from error
    return rgb

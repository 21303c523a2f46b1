"""Image files to arrays."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from cutout.errors import UndecodableImage
from cutout.images import colour_modes, jpeg
from cutout.images.decoder_errors import decoder_errors
from cutout.images.isolated import run_isolated
from cutout.images.limits import Limits
from cutout.images.opening import InspectedFile, Metadata, inspect, open_image, read_metadata

# Replaces colours under fully transparent pixels, which were not meant to be seen. The mean of
# ImageNet: after a model's normalisation it is zero, so neither dark nor light subjects merge
# with it. It is never visible: alpha stays zero there.
NEUTRAL = (124, 116, 104)

# What makes an image upright, by its EXIF orientation.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: functools.partial(cv2.flip, flipCode=1),
    3: functools.partial(cv2.rotate, rotateCode=cv2.ROTATE_180),
    4: functools.partial(cv2.flip, flipCode=0),
    5: cv2.transpose,
    6: functools.partial(cv2.rotate, rotateCode=cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: functools.partial(cv2.rotate, rotateCode=cv2.ROTATE_90_COUNTERCLOCKWISE),
}


class _Pixels(NamedTuple):
    """As they stand in the file, not yet upright. icc: valid for rgb."""

    rgb: np.ndarray
    alpha: np.ndarray | None
    icc: bytes | None
    metadata: Metadata


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image, upright. Its arrays are read-only, whatever the decoder.

    rgb: (H, W, 3) uint8, `NEUTRAL` where alpha is zero. alpha: (H, W) float32 in [0, 1], or
    None where the file has no transparency. icc: profile valid for rgb, None means sRGB.
    dpi: dots per inch along width and height, None where the file names none.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    icc: bytes | None
    format: str
    dpi: tuple[float, float] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.rgb.shape[:2]


def decode(file: bytes | InspectedFile, limits: Limits | None = None) -> DecodedImage:
    """The first frame of a file, upright, 8 bit, RGB.

    file: what `inspect` returned, or bytes, which are inspected here by `limits`.
    Raises what `inspect` does before any pixel is decoded, and UndecodableImage.
    """
    file = _inspected(file, limits)
    if file.isolated:
        return _read_only(run_isolated(decode, replace(file, isolated=False)))
    rgb, alpha, icc, metadata = _decode_jpeg(file) or _decode_by_pillow(file)
    rgb = _upright(rgb, metadata.orientation)
    if alpha is not None:
        alpha = _upright(alpha, metadata.orientation)
        rgb, alpha = _replace_hidden(rgb, alpha), alpha.astype(np.float32) / 255
        alpha.setflags(write=False)
    rgb.setflags(write=False)
    dpi = metadata.dpi[::-1] if metadata.dpi and metadata.orientation >= 5 else metadata.dpi
    return DecodedImage(rgb, alpha, icc, file.header.format, dpi)


def _read_only(image: DecodedImage) -> DecodedImage:
    """Arrays that came from another process can be written to."""
    for pixels in (image.rgb, image.alpha):
        if pixels is not None:
            pixels.setflags(write=False)
    return image


def _inspected(file: bytes | InspectedFile, limits: Limits | None) -> InspectedFile:
    return file if isinstance(file, InspectedFile) else inspect(file, limits)


def _decode_jpeg(file: InspectedFile) -> _Pixels | None:
    """By the fast JPEG decoder; None where it does not support the file."""
    rgb = jpeg.decode_fast(file.data) if file.jpeg else None
    if rgb is None or file.jpeg is None:
        return None
    height, width = file.header.size
    if rgb.shape[:2] != ((width, height) if file.jpeg.orientation >= 5 else (height, width)):
        raise UndecodableImage("The size in the header is not the size of the pixels.")
    return _Pixels(rgb, None, colour_modes.rgb_profile(file.jpeg.icc), file.jpeg)


def _decode_by_pillow(file: InspectedFile) -> _Pixels:
    header = file.header
    image = open_image(header.format, file.data)
    with decoder_errors(header.format):
        image.load()
        return _Pixels(*colour_modes.to_rgb(image, header.depth), read_metadata(image))


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    return _UPRIGHT[orientation](pixels) if orientation in _UPRIGHT else pixels


def _replace_hidden(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.where(alpha[..., None] == 0, np.array(NEUTRAL, np.uint8), rgb)


def decode_mask(file: bytes | InspectedFile, limits: Limits | None = None) -> np.ndarray:
    """A mask, matte or prediction as grey levels: (H, W) uint8, 255 = subject, read-only.

    A file with transparency is read by its alpha channel, which is what a cut-out holds; one that
    is opaque everywhere is read by its brightness, as every other file: grey as it is, colours
    by ITU-R 601, which leaves equal channels as they are. 16 bits are reduced to 8. No colour
    profile is applied: the levels are data. Arguments and errors are those of `decode`.
    """
    file = _inspected(file, limits)
    if file.isolated:
        isolated = run_isolated(decode_mask, replace(file, isolated=False))
        isolated.setflags(write=False)
        return isolated
    image = open_image(file.header.format, file.data)
    with decoder_errors(file.header.format):
        image.load()
        orientation = read_metadata(image).orientation
        image.info.pop("icc_profile", None)
        rgb, alpha, _ = colour_modes.to_rgb(image, file.header.depth)
    if alpha is None or alpha.min() == 255:
        alpha = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    levels = _upright(alpha, orientation)
    levels.setflags(write=False)
    return levels

"""Bytes to arrays."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from cutout.errors import UndecodableImage
from cutout.images import colour_modes, jpeg
from cutout.images.decoder_errors import decoder_errors
from cutout.images.exif import check_exif
from cutout.images.limits import Header, Limits
from cutout.images.opening import open_checked, orientation, resolution

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

# rgb, alpha (both uint8), ICC profile, EXIF orientation yet to be applied.
_Pixels = tuple[np.ndarray, np.ndarray | None, bytes | None, int]


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image, upright.

    rgb: (H, W, 3) uint8, `NEUTRAL` where alpha is zero. alpha: (H, W) float32 in [0, 1], or
    None where the file has no transparency. icc: profile valid for rgb, None means sRGB.
    dpi: dots an inch, across and down, None where the file does not say.
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


def decode(data: bytes, limits: Limits | None = None) -> DecodedImage:
    """The first frame of a file, upright, 8 bit, RGB.

    Raises EmptyFile, UnsupportedType, TooManyPixels, TooManyFrames before any pixel is decoded,
    and UndecodableImage.
    """
    image, header = open_checked(data, limits or Limits())
    rgb, alpha, icc, turn = _decode_jpeg(data, image) or _decode_by_pillow(image, header)
    if rgb.shape[:2] != image.size[::-1]:
        raise UndecodableImage("The size in the header is not the size of the pixels.")
    rgb, alpha = _upright(rgb, turn), alpha if alpha is None else _upright(alpha, turn)
    if alpha is not None:
        rgb, alpha = _replace_hidden(rgb, alpha), alpha.astype(np.float32) / 255
    dpi = resolution(image)
    if dpi and turn >= 5:
        dpi = dpi[::-1]
    return DecodedImage(rgb, alpha, icc, header.format, dpi)


def _decode_jpeg(data: bytes, image: Image.Image) -> _Pixels | None:
    """By the fast JPEG decoder; None where it does not support the file."""
    rgb = jpeg.decode_fast(data) if jpeg.fast_decoder_supports(image) else None
    if rgb is None:
        return None
    with decoder_errors("JPEG"):
        turn = orientation(image)
    return rgb, None, colour_modes.rgb_profile(image.info.get("icc_profile")), turn


def _decode_by_pillow(image: Image.Image, header: Header) -> _Pixels:
    with decoder_errors(header.format):
        image.load()
        check_exif(image.info.get("exif") or b"")
        # After the pixels: in PNG the orientation may stand behind them.
        turn = orientation(image)
        return *colour_modes.to_rgb(image, header.depth), turn


def _upright(pixels: np.ndarray, turn: int) -> np.ndarray:
    return _UPRIGHT[turn](pixels) if turn in _UPRIGHT else pixels


def _replace_hidden(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.where(alpha[..., None] == 0, np.array(NEUTRAL, np.uint8), rgb)


def decode_mask(data: bytes, limits: Limits | None = None) -> np.ndarray:
    """A mask, matte or prediction as grey levels: (H, W) uint8, 255 = subject.

    A file with transparency is read by its alpha channel, which is what a cut-out holds; one that
    is opaque everywhere is read by its brightness, as every other file: grey as it is, colours
    by ITU-R 601, which leaves equal channels as they are. 16 bits are reduced to 8. No colour
    profile is applied: the levels are data.
    """
    image, header = open_checked(data, limits or Limits())
    with decoder_errors(header.format):
        image.load()
        turn = orientation(image)
        image.info.pop("icc_profile", None)
        rgb, alpha, _ = colour_modes.to_rgb(image, header.depth)
    if alpha is not None and alpha.min() < 255:
        return _upright(alpha, turn)
    return _upright(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), turn)

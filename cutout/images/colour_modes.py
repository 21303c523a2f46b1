"""Any Pillow mode to RGB, alpha and a profile that is valid for that RGB."""

import io

import numpy as np
from PIL import Image, ImageCms

from cutout.errors import UndecodableImage

_WITH_ALPHA = {"RGBA", "LA", "PA", "RGBa", "La"}
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}
_SUPPORTED = {"1", "L", "P", "RGB", "RGBX", "YCbCr", "HSV", "CMYK", "LAB"}
_SUPPORTED |= _WITH_ALPHA | _SIXTEEN_BIT


def to_rgb(
    image: Image.Image, depth: int = 8
) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """(H, W, 3) uint8; alpha (H, W) uint8 or None; ICC profile of the RGB or None (sRGB).

    A profile is kept when the pixels were RGB already. Grey, CMYK and Lab pixels are converted
    to sRGB by their own profile, or by Pillow's formulas where they have none, and need none
    after. depth: bits of a sample in a PNG file, which its transparent colour is written with.
    32-bit and floating-point pixels are refused: nothing in the file says what is white.
    """
    if image.mode not in _SUPPORTED:
        raise UndecodableImage(
            f"Pixels of the kind {image.mode} have no known range. Export with 8 or 16 bits.",
        )
    alpha = _alpha_of_transparent_colour(image, depth)
    if image.mode in _SIXTEEN_BIT:
        image = _to_eight_bit(image)
    if image.mode in _WITH_ALPHA or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
    if image.mode in {"L", "CMYK", "LAB"}:
        return _rgb_array(_to_srgb(image)), alpha, None
    return _rgb_array(image), alpha, rgb_profile(image.info.get("icc_profile"))


def rgb_profile(profile: bytes | None) -> bytes | None:
    """The profile if it describes RGB; one of another space in an RGB file means nothing."""
    return profile if _space_of(profile) == "RGB " else None


def convert_colours(rgb: np.ndarray, source: bytes | None, target: bytes | None) -> np.ndarray:
    """The same colours as numbers of another RGB space, for pixels that carry its profile.

    rgb: (3,) or (H, W, 3) uint8. source, target: profiles of RGB pixels, as `DecodedImage.icc`;
    None is sRGB. Returns an array of the shape of rgb, uint8. Relative colorimetric with black
    point compensation; colours outside the space become the nearest inside. Raises
    UndecodableImage for a profile that is damaged or that does not allow the conversion.
    """
    if source == target:
        return rgb
    try:
        transform = ImageCms.buildTransform(
            _profile(source),
            _profile(target),
            "RGB",
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError) as error:
        raise UndecodableImage(
            "The colour profile of the image is damaged or cannot be converted to. "
            "Save the image again as sRGB."
        ) from error
    image = Image.fromarray(rgb[None, None] if rgb.ndim == 1 else rgb)
    return np.asarray(transform.apply(image)).reshape(rgb.shape)


def _profile(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else _srgb()


def _rgb_array(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB") if image.mode != "RGB" else image)


def _to_eight_bit(image: Image.Image) -> Image.Image:
    """Top eight bits of 16 (or of the 12 that TIFF may declare); Pillow would clamp to white."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(258, (16,))[0]
    grey = (np.asarray(image) >> (bits - 8)).astype(np.uint8)
    if tags.get(262) == 0:  # WhiteIsZero, which Pillow applies to 8 bits only
        grey = 255 - grey
    result = Image.fromarray(grey)
    result.info = dict(image.info)
    return result


def _alpha_of_transparent_colour(image: Image.Image, bits: int) -> np.ndarray | None:
    """Alpha of a PNG whose tRNS names one transparent grey or colour.

    The colour is written at the file's own depth: Pillow scales 1, 2 and 4 bit grey up to 8 but
    not this colour, and keeps the upper half of 16-bit colours, so near colours are equal there.
    """
    colour = image.info.get("transparency")
    one_colour = image.mode in {"1", "L", "RGB", *_SIXTEEN_BIT}
    if not one_colour or colour is None or isinstance(colour, bytes):
        return None
    pixels = np.asarray(image)
    if image.mode == "RGB":
        same = (pixels == np.array(colour) >> (bits - 8)).all(axis=2)
    elif image.mode == "L":
        same = pixels == colour * 255 // (2**bits - 1)
    else:
        # Pillow gives the colour of 1-bit files as 0 or 255, their pixels as bool.
        same = pixels == (bool(colour) if image.mode == "1" else colour)
    return np.where(same, 0, 255).astype(np.uint8)


def _space_of(profile: bytes | None) -> str | None:
    """Colour space of an ICC profile, None where it is not one. ICC.1:2022, section 7.2."""
    if not profile or len(profile) < 128 or profile[36:40] != b"acsp":
        return None
    return profile[16:20].decode("latin-1")


def _to_srgb(image: Image.Image) -> Image.Image:
    expected = {"L": "GRAY", "CMYK": "CMYK"}.get(image.mode)
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif expected and expected == _space_of(image.info.get("icc_profile")):
        source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    else:
        return image
    return ImageCms.buildTransform(source, _srgb(), image.mode, "RGB").apply(image)


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

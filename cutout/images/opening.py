"""The one place that opens files with Pillow, after the checks that Pillow does not make."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from cutout.images import jpeg, png, webp
from cutout.images.decoder_errors import decoder_errors
from cutout.images.exif import check_exif
from cutout.images.isolated import IN_PROCESS, run_isolated
from cutout.images.limits import MAX_DPI, Header, Limits, check_pixels
from cutout.images.sniff import allowed_type


def _open_heic(file: io.BytesIO) -> ImageFile.ImageFile:
    """By libheif; its package is installed apart, and checked at start."""
    from pillow_heif import HeifImageFile

    image: ImageFile.ImageFile = HeifImageFile(file)
    return image


# The classes themselves, not Image.open: it would try other formats, warn, and check for bombs
# by a limit of its own after the header is read. JPEG is opened as JPEG even if it holds more
# images behind the first one (MPO), as phones write.
_READERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "HEIC": _open_heic,
}


@dataclass(frozen=True)
class Metadata:
    """What a file says about its pixels.

    orientation: EXIF, 1 to 8. icc: profile of any colour space. dpi: dots per inch along width
    and height as stored, None where the file names none or impossible ones.
    """

    orientation: int
    icc: bytes | None
    dpi: tuple[float, float] | None


@dataclass(frozen=True)
class InspectedFile:
    """An image file whose type, structure and size are checked; no pixel is decoded yet.

    It holds nothing but the bytes and what was read from their header, so it costs no memory
    while a request waits, and can be decoded any number of times, in any thread.
    jpeg: metadata of a file for the fast JPEG decoder; None where Pillow has to decode.
    isolated: whether it is to be decoded in a process of its own.
    """

    data: bytes = field(repr=False)
    header: Header
    jpeg: Metadata | None = field(repr=False)
    isolated: bool = False


def inspect(data: bytes, limits: Limits | None = None) -> InspectedFile:
    """Check type, structure, size and number of frames; decodes no pixel.

    Raises EmptyFile, UnsupportedType, TooManyPixels, TooManyFrames and UndecodableImage.
    """
    limits = limits or Limits()
    name = allowed_type(data, limits)
    if limits.isolated and name not in IN_PROCESS:
        header = run_isolated(_header_of, name, data, limits)
        return InspectedFile(data, header, None, isolated=True)
    return _inspect_here(name, data, limits)


def _header_of(name: str, data: bytes, limits: Limits) -> Header:
    """What goes back from another process: not the file again."""
    return _inspect_here(name, data, limits).header


def _inspect_here(name: str, data: bytes, limits: Limits) -> InspectedFile:
    png_header = _check_structure(name, data, limits)
    image = open_image(name, data)
    if png_header and png_header.exif:
        image.info["exif"] = png_header.exif
    check_pixels(*image.size, limits)
    check_exif(image.info.get("exif") or b"")
    with decoder_errors(name):
        frames = png_header.frames if png_header else getattr(image, "n_frames", 1)
        metadata = read_metadata(image)
    check_pixels(*image.size, limits, frames)
    width, height = image.size
    size = (width, height) if metadata.orientation >= 5 else (height, width)
    fast = metadata if jpeg.fast_decoder_supports(image) else None
    depth = png_header.depth if png_header else 8
    return InspectedFile(data, Header(name, size, frames, depth), fast)


def open_image(name: str, data: bytes) -> ImageFile.ImageFile:
    """A lazy Pillow image of a file whose structure is checked. name: the format."""
    with decoder_errors(name):
        return _READERS[name](io.BytesIO(data))


def _check_structure(name: str, data: bytes, limits: Limits) -> png.PngHeader | None:
    """What Pillow does not check, or not soon enough; the header of a PNG."""
    if name == "PNG":
        header = png.read_header(data)
        check_pixels(header.width, header.height, limits)
        png.check_png(data, header)
        return header
    if name == "WEBP":
        check_pixels(*webp.read_size(data), limits)
    if name == "JPEG":
        jpeg.check_jpeg(data)
    return None


def read_metadata(image: Image.Image) -> Metadata:
    """Of a Pillow image; in PNG the orientation may stand behind the pixels."""
    icc = image.info.get("icc_profile")
    return Metadata(_orientation(image), icc, _resolution(image.info.get("dpi")))


def _resolution(stored: object) -> tuple[float, float] | None:
    """stored: what Pillow makes of the file's tags, which may be of any type."""
    if not isinstance(stored, tuple) or len(stored) != 2:
        return None
    try:
        dpi = float(stored[0]), float(stored[1])
    except (TypeError, ValueError, ArithmeticError):
        return None
    return dpi if all(1 <= value <= MAX_DPI for value in dpi) else None


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 where none or an undefined one is written.

    Pillow turns TIFF itself while it loads. Image.getexif is called past PngImageFile's own,
    which would decode the pixels.
    """
    if image.format == "TIFF":
        return 1
    value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1

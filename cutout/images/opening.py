"""The one place that opens files with Pillow; its failures become typed errors."""

import io
from collections.abc import Callable

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
from cutout.images.limits import Header, Limits, check_pixels
from cutout.images.sniff import allowed_type

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
}
# What the two bytes of a JPEG's density can say.
MAX_DPI = 65_535


def open_checked(data: bytes, limits: Limits) -> tuple[Image.Image, Header]:
    """A lazy Pillow image and its header, with type, structure and limits checked."""
    name = allowed_type(data, limits)
    frames, depth = _check_structure(name, data, limits)
    with decoder_errors(name):
        image = _READERS[name](io.BytesIO(data))
    check_pixels(*image.size, limits)
    check_exif(image.info.get("exif") or b"")
    with decoder_errors(name):
        # Pillow's n_frames of PNG counts what acTL says; `png.check_png` has verified it.
        frames = frames or getattr(image, "n_frames", 1)
        sideways = orientation(image) >= 5
    check_pixels(*image.size, limits, frames)
    width, height = image.size
    size = (width, height) if sideways else (height, width)
    return image, Header(name, size, frames, depth)


def _check_structure(name: str, data: bytes, limits: Limits) -> tuple[int, int]:
    """What Pillow does not check, or not soon enough. Frames (0: not known yet), depth."""
    if name == "PNG":
        first = png.read_header(data)
        check_pixels(first.width, first.height, limits)
        png_header = png.check_png(data)
        return png_header.frames, png_header.depth
    if name == "WEBP":
        check_pixels(*webp.read_size(data), limits)
    if name == "JPEG":
        jpeg.check_jpeg(data)
    return 0, 8


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 where none or an undefined one is written.

    Pillow turns TIFF itself while it loads. Image.getexif is called past PngImageFile's own,
    which would decode the pixels.
    """
    if image.format == "TIFF":
        return 1
    value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def inspect(data: bytes, limits: Limits | None = None) -> Header:
    """Type, upright size and number of frames; raises as `decode` would, decodes no pixel."""
    return open_checked(data, limits or Limits())[1]


def resolution(image: Image.Image) -> tuple[float, float] | None:
    """Dots an inch, across and down, as the file says; None where it does not, or absurdly."""
    try:
        across, down = (float(value) for value in image.info.get("dpi", ()))
    except (ArithmeticError, TypeError, ValueError):
        return None
    return (across, down) if min(across, down) >= 1 and max(across, down) <= MAX_DPI else None

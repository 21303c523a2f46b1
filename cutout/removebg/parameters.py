"""The parameters of `POST /v1.0/removebg`: what clients send, tidy or not, to checked values."""

from dataclasses import dataclass

from cutout.compose.canvas import Position
from cutout.compose.colour_names import parse_colour
from cutout.errors import InvalidValue
from cutout.removebg import layout, shadows, sizes, subject_type
from cutout.removebg.body import Body
from cutout.removebg.errors import DialectError, invalid
from cutout.removebg.values import boolean, choice, image_bytes, text, url

FORMATS = {
    "auto": "auto",
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "webp": "webp",
    "zip": "zip",
}
CHANNELS = {"rgba": "rgba", "alpha": "alpha"}
TRANSPARENT = "transparent"
# 22 MB by the definition of a client that checks before it sends.
MAX_FILE_BYTES = 22 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """An image: its bytes, or the address to fetch it from."""

    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True)
class Parameters:
    """One request. Names are the dialect's; values that mean "default" are filled in.

    size: a key of `sizes.MEGAPIXELS`. format: auto, png, jpeg, webp or zip. crop_margin: text for
    the option of that name. scale: share in 0.1..1; position: see `canvas.place`. bg_color: text
    for the option `background`. shadow_opacity: percent of a drop shadow, None for no shadow.
    """

    image: Source
    background: Source | None = None
    size: str = sizes.SMALL
    type: str = "auto"
    type_level: str = "1"
    format: str = "auto"
    roi: layout.Roi | None = None
    crop: bool = False
    crop_margin: str = "0px"
    scale: float | None = None
    position: Position | None = None
    channels: str = "rgba"
    bg_color: str = TRANSPARENT
    shadow_opacity: float | None = None


def parse(body: Body, default_size: str = sizes.SMALL) -> Parameters:
    """Check a request's fields; unknown ones are ignored, empty ones and null are not given.

    Raises DialectError with the code and title of the dialect.
    """
    fields = body.fields
    image, (background, bg_color) = _image(body), _background(body)
    scale = layout.parse_scale(fields.get("scale"))
    subject = choice("type", fields.get("type"), subject_type.TYPES, "auto")
    # Concerns car windows only, which are not told apart here: checked, without effect.
    boolean("semitransparency", fields.get("semitransparency"), True)
    return Parameters(
        image=image,
        background=background,
        size=choice("size", fields.get("size"), sizes.NAMES, default_size),
        type=subject,
        type_level=choice("type_level", fields.get("type_level"), subject_type.LEVELS, "1"),
        format=choice("format", fields.get("format"), FORMATS, "auto"),
        roi=layout.parse_roi(fields.get("roi")),
        crop=boolean("crop", fields.get("crop"), False),
        crop_margin=layout.parse_margin(fields.get("crop_margin")),
        scale=scale,
        position=layout.parse_position(fields.get("position"), scale is not None),
        channels=choice("channels", fields.get("channels"), CHANNELS, "rgba"),
        bg_color=bg_color,
        shadow_opacity=shadows.shadow_opacity(fields, subject),
    )


def _image(body: Body) -> Source:
    """The image, given in exactly one way."""
    base64_text = text(body.fields.get("image_file_b64"))
    address = text(body.fields.get("image_url"))
    given = [body.files.get("image_file"), base64_text or None, address or None]
    if (count := sum(source is not None for source in given)) > 1:
        raise DialectError("multiple_sources", f"{count} images were sent; send one.")
    if count == 0:
        raise DialectError("missing_source", "Send image_file, image_file_b64 or image_url.")
    if address:
        return Source(url=url("image_url", address))
    return _file(image_bytes(base64_text) if base64_text else body.files["image_file"])


def _file(data: bytes) -> Source:
    if len(data) > MAX_FILE_BYTES:
        raise DialectError("file_too_large", f"A file may have {MAX_FILE_BYTES:,} bytes.")
    return Source(data)


def _background(body: Body) -> tuple[Source | None, str]:
    """The background image, if any, and the background's colour; at most one of the three."""
    colour = _colour(body.fields.get("bg_color"))
    address = url("bg_image_url", body.fields.get("bg_image_url"))
    data = body.files.get("bg_image_file")
    if (colour != TRANSPARENT) + (address is not None) + (data is not None) > 1:
        raise DialectError("multiple_bg_sources", "Send one background.")
    if address is None and data is None:
        return None, colour
    return _file(data) if data is not None else Source(url=address), TRANSPARENT


def _colour(value: object) -> str:
    """The colour as it was sent; a wholly transparent one is no background."""
    colour = text(value)
    if not colour:
        return TRANSPARENT
    try:
        return colour if parse_colour(colour)[3] else TRANSPARENT
    except InvalidValue:
        raise invalid("bg_color", "3, 4, 6 or 8 hex digits or a CSS colour name") from None

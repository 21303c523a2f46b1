"""From options to a checked plan, before any pixel is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cutout.compose import colour_names, geometry
from cutout.compose.canvas import Position, parse_canvas, parse_position, parse_scale
from cutout.compose.shadow import DropShadow, parse_blur, parse_offset
from cutout.errors import InvalidValue
from cutout.images import DecodedImage
from cutout.models.table import FAST_MODEL
from cutout.options import Options

Colour = tuple[int, int, int, int]


@dataclass(frozen=True)
class Extras:
    """What comes with the request beside the photograph.

    trimap: (H, W) uint8 of 0, 128, 255, of the photograph's size. background: of any
    size; it covers the result, centred. region: the box in which the subject lies, None for
    the whole image; not together with a trimap. keep, erase: (h, w) uint8 of any size, scaled to
    the photograph; light where a person says that the subject, or the background, is.
    """

    trimap: np.ndarray | None = None
    background: DecodedImage | None = None
    region: geometry.Box | None = None
    keep: np.ndarray | None = None
    erase: np.ndarray | None = None

    @property
    def hints(self) -> bool:
        """Whether a person corrects the model's map."""
        return self.keep is not None or self.erase is not None


@dataclass(frozen=True)
class Placement:
    """Where the subject goes. canvas: (height, width) of the result, None for that of the image.

    scale: the largest share of the canvas, None for the subject's own size. position: as of
    `compose.canvas.place`, None divides the free space as in the image.
    """

    canvas: tuple[int, int] | None
    scale: float | None
    position: Position | None


@dataclass(frozen=True)
class Plan:
    """Checked options and what follows from them.

    colour: of the background, (r, g, b, a); None blurs the original. margin: around a crop.
    placement: None leaves the subject where it is. shadow: None draws none.
    """

    options: Options
    extras: Extras
    colour: Colour | None
    margin: geometry.Margin
    placement: Placement | None = None
    shadow: DropShadow | None = None

    @property
    def blurs(self) -> bool:
        """Whether the background is the image's own, blurred."""
        return self.colour is None

    @property
    def region(self) -> geometry.Box | None:
        """Box (top, left, height, width) outside of which nothing is subject; None: nowhere."""
        return self.extras.region

    @property
    def has_background(self) -> bool:
        """Whether something is put behind the subject."""
        return self.extras.background is not None or self.colour is None or self.colour[3] > 0


class Condition(NamedTuple):
    """An option that has an effect only where `holds` is true, and what it needs in words."""

    option: str
    holds: Callable[[Options, bool], bool]
    needs: str


# Options that say how the background is removed; without removal none of them has an effect.
REMOVAL_ONLY = (
    *(
        "model",
        "quality",
        "input_size",
        "fit",
        "edges",
        "threshold",
        "drop_specks",
        "fill_holes",
        "smooth",
    ),
    *("enhance_edges", "feather", "matting", "on_no_subject", "min_predicted_iou"),
)
# The second argument says whether a background image comes with the request.
CONDITIONS = (
    Condition("compression", lambda o, _: o.format == "png", "format=png"),
    Condition("softness", lambda o, _: o.threshold is not None, "threshold"),
    Condition("crop_margin", lambda o, _: o.crop, "crop=on"),
    Condition("matting_iterations", lambda o, _: o.matting != "off", "matting"),
    Condition("shadow", lambda o, _: o.output == "cutout", "output=cutout"),
    *(
        Condition(name, lambda o, _: o.shadow == "drop", "shadow=drop")
        for name in ("shadow_offset", "shadow_blur", "shadow_opacity")
    ),
    Condition("below", lambda o, _: o.min_predicted_iou > 0, "min_predicted_iou"),
    *(Condition(name, lambda o, _: o.remove, "remove=on") for name in REMOVAL_ONLY),
    Condition("background", lambda o, _: o.output == "cutout", "output=cutout"),
    Condition(
        "blend",
        lambda o, image: o.output == "cutout" and (image or o.background != "transparent"),
        "a background",
    ),
)


def make_plan(options: Options, extras: Extras | None = None) -> Plan:
    """Make the plan of checked options; raises what `check_options` raises."""
    extras = extras or Extras()
    trimap, background = extras.trimap is not None, extras.background is not None
    check_options(options, trimap, background, extras.hints)
    return Plan(
        options,
        extras,
        colour_of(options),
        geometry.parse_margin(options.crop_margin),
        placement_of(options),
        shadow_of(options),
    )


def check_options(
    options: Options, trimap: bool = False, background: bool = False, hints: bool = False
) -> None:
    """Check what no single field can know, before any image is decoded.

    trimap, background, hints: whether those images come too. Raises InvalidValue naming the field.
    """
    if hints and not options.remove:
        raise InvalidValue(
            "keep and erase have no effect with remove=off; leave one of them out.", field="remove"
        )
    if options.quality == "fast" and options.model_name != FAST_MODEL:
        raise InvalidValue(
            f"quality=fast is the model {FAST_MODEL}: leave model out, or choose another quality.",
            field="model",
            allowed=[FAST_MODEL],
        )
    geometry.parse_margin(options.crop_margin)
    shadow_of(options)
    if placement_of(options) and options.background == "blur":
        raise InvalidValue(
            "A blurred background cannot be placed anew: choose another.", field="background"
        )
    _check_images(options, trimap, background)
    _check_format(options, background)
    for option, holds, needs in CONDITIONS:
        changed = getattr(options, option) != Options.model_fields[option].default
        if changed and not holds(options, background):
            raise InvalidValue(
                f"{option} has no effect without {needs}; send that too, or leave {option} out.",
                field=option,
            )


def _check_images(options: Options, trimap: bool, background: bool) -> None:
    if background and options.background != "transparent":
        raise InvalidValue("Send background or background_image, not both.", field="background")
    if background and options.output != "cutout":
        raise InvalidValue(
            "background_image has no effect without output=cutout; leave one of them out.",
            field="background_image",
        )
    if trimap and options.matting == "off":
        raise InvalidValue("A trimap is for matting: choose closed-form or knn.", field="trimap")


def _check_format(options: Options, background: bool) -> None:
    colour = colour_of(options)
    opaque = background or colour is None or colour[3] == 255
    if options.format == "jpeg" and options.output == "cutout" and not opaque:
        raise InvalidValue(
            "JPEG has no transparency: choose png or webp, or send an opaque background.",
            field="format",
            allowed=["png", "webp"],
        )


def placement_of(options: Options) -> Placement | None:
    """Where the subject is to be placed; None where nothing asks for it. Raises InvalidValue."""
    size = None if options.canvas == "none" else parse_canvas(options.canvas)
    scale = parse_scale(options.scale)
    placed = size is not None or scale is not None
    text = options.position or ("center" if placed else "original")
    position = parse_position(text)
    return Placement(size, scale, position) if placed or position else None


def shadow_of(options: Options) -> DropShadow | None:
    """The shadow to draw; None where none is asked for. Raises InvalidValue."""
    down, across = parse_offset(options.shadow_offset)
    style = DropShadow(down, across, parse_blur(options.shadow_blur), options.shadow_opacity)
    return style if options.shadow == "drop" else None


def colour_of(options: Options) -> Colour | None:
    """The background's (r, g, b, a); None for a blur of the original."""
    return None if options.background == "blur" else colour_names.parse_colour(options.background)

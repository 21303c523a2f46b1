"""From options to an order of work, checked before any pixel is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from cutout.compose import colour_names, geometry
from cutout.errors import InvalidValue
from cutout.options import Options
from cutout.refine import masks

Step = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Extras:
    """Pictures that come with the request beside the photograph.

    trimap: (H, W) uint8 of 0, 128, 255, of the photograph's size. background: (h, w, 3) uint8 of
    any size; it covers the result, centred.
    """

    trimap: np.ndarray | None = None
    background: np.ndarray | None = None


@dataclass(frozen=True)
class Plan:
    """Checked wishes: `steps` refine alpha in this order; `colour` is (r, g, b, a), None: blur."""

    options: Options
    extras: Extras
    steps: tuple[Step, ...]
    colour: tuple[int, int, int, int] | None
    margin: tuple | None

    @property
    def backed(self) -> bool:
        """Whether something is put behind the subject."""
        return self.extras.background is not None or self.colour is None or self.colour[3] > 0


def plan(options: Options, extras: Extras | None = None) -> Plan:
    """Make the plan of checked options; raises what `check` raises."""
    extras = extras or Extras()
    check(options, extras.trimap is not None, extras.background is not None)
    margin = geometry.parse_margin(options.crop_margin) if options.crop else None
    return Plan(options, extras, steps_for(options), colour_of(options), margin)


def check(options: Options, trimap: bool = False, background: bool = False) -> None:
    """Check what no single field can know, before any picture is decoded.

    trimap, background: whether those pictures come too. Raises InvalidValue naming the field.
    """
    colour = colour_of(options)
    if options.crop:
        geometry.parse_margin(options.crop_margin)
    if background and options.background != "transparent":
        raise InvalidValue("Send background or background_image, not both.", field="background")
    if trimap and options.matting == "off":
        raise InvalidValue("A trimap is for matting: choose closed-form or knn.", field="trimap")
    opaque = background or colour is None or colour[3] == 255
    if options.format == "jpeg" and options.output == "cutout" and not opaque:
        raise InvalidValue(
            "JPEG has no transparency: choose png or webp, or send an opaque background.",
            field="format",
            allowed=["png", "webp"],
        )


def colour_of(options: Options) -> tuple[int, int, int, int] | None:
    """The background's (r, g, b, a); None for a blur of the original."""
    return None if options.background == "blur" else colour_names.parse_colour(options.background)


def steps_for(options: Options) -> tuple[Step, ...]:
    """Steps that the options ask for, in the order they run."""
    wanted = [
        (options.drop_specks, masks.drop_specks),
        (options.fill_holes, masks.fill_holes),
        (options.smooth, masks.smooth),
        (options.threshold, partial(_threshold, options.softness)),
        (options.enhance_edges, masks.enhance_edges),
        (options.feather, masks.feather),
    ]
    return tuple(_bound(step, asked) for asked, step in wanted if asked is not None)


def _bound(step: Callable, strength: float) -> Step:
    return lambda alpha: step(alpha, strength)


def _threshold(softness: float, alpha: np.ndarray, level: float) -> np.ndarray:
    return masks.threshold(alpha, level, softness)

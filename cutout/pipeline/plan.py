"""From options to an order of work, checked before any pixel is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InvalidValue
from ..options import Options
from ..refine import colours, geometry, masks

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
    """Checked wishes: `steps` refine alpha in this order; `colour` is (r, g, b, a) or None."""

    options: Options
    extras: Extras
    steps: tuple[Step, ...]
    colour: tuple[int, int, int, int] | None
    margin: tuple | None

    @property
    def backed(self) -> bool:
        """Whether something is put behind the subject."""
        blurred = self.options.background == "blur"
        return blurred or self.extras.background is not None or bool(self.colour and self.colour[3])


def plan(options: Options, extras: Extras | None = None) -> Plan:
    """Check what no single field can know; raises InvalidValue naming the field."""
    extras = extras or Extras()
    colour = None if options.background == "blur" else colours.parse_colour(options.background)
    if extras.background is not None and options.background != "transparent":
        raise InvalidValue("Send background or background_image, not both.", field="background")
    if extras.trimap is not None and options.matting == "off":
        raise InvalidValue("A trimap is for matting: choose closed-form or knn.", field="trimap")
    margin = geometry.parse_margin(options.crop_margin) if options.crop else None
    made = Plan(options, extras, steps_for(options), colour, margin)
    opaque = made.backed and (made.colour is None or made.colour[3] == 255)
    if options.format == "jpeg" and options.output == "cutout" and not opaque:
        raise InvalidValue(
            "JPEG has no transparency: choose png or webp, or send an opaque background.",
            field="format",
            allowed=["png", "webp"],
        )
    return made


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

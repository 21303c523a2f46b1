"""From rgb and alpha to what is sent: crop, scale, background, kind of output."""

import numpy as np

from cutout import images
from cutout.compose import backgrounds, geometry
from cutout.compose.straight_alpha import compose
from cutout.matting.trimap import automatic_trimap
from cutout.options import Options
from cutout.pipeline.plan import Plan


def framed(rgb: np.ndarray, alpha: np.ndarray, made: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Crop to the subject and scale down, as asked."""
    if made.margin is not None:
        box = geometry.with_margin(geometry.subject_box(alpha), made.margin, alpha.shape)
        rgb, alpha = geometry.crop(rgb, alpha, box)
    if made.options.max_size:
        rgb, alpha = geometry.fit_within(rgb, alpha, made.options.max_size)
    return np.ascontiguousarray(rgb), np.ascontiguousarray(alpha)


def render(rgb: np.ndarray, alpha: np.ndarray, made: Plan) -> np.ndarray:
    """The picture to encode: (h, w, 4) or (h, w, 3) or (h, w) uint8, by kind and background."""
    kind = made.options.output
    if kind == "mask":
        return geometry.grey_mask(alpha)
    if kind == "trimap":
        return automatic_trimap(alpha)
    if kind == "overlay":
        return geometry.overlay(rgb, alpha)
    return on_background(rgb, alpha, made) if made.backed else compose(rgb, alpha)


def on_background(rgb: np.ndarray, alpha: np.ndarray, made: Plan) -> np.ndarray:
    """The subject on the background: (h, w, 3), or (h, w, 4) on a translucent colour."""
    back, strength = background_for(rgb, alpha, made)
    linear = made.options.blend == "linear"
    rgb, alpha = backgrounds.over(rgb, alpha, back, strength, linear)
    return rgb if strength == 1 else compose(rgb, alpha)


def background_for(rgb: np.ndarray, alpha: np.ndarray, made: Plan) -> tuple[np.ndarray, float]:
    """The background (h, w, 3) or (3,) uint8, and its own alpha."""
    if made.extras.background is not None:
        return backgrounds.cover(made.extras.background, alpha.shape), 1.0
    if made.colour is None:
        return backgrounds.blurred(rgb, alpha), 1.0
    return np.uint8(made.colour[:3]), made.colour[3] / 255


def encode(picture: np.ndarray, options: Options, icc: bytes | None) -> bytes:
    """The bytes of the result; a profile goes with colours only."""
    return images.encode(picture, options.format, icc=icc if picture.ndim == 3 else None)

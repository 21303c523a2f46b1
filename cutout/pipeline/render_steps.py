"""The steps after the matte: colours, crop, size, background, kind of output, file."""

from dataclasses import replace

import numpy as np

from cutout import images
from cutout.compose import backgrounds, geometry, views
from cutout.compose.straight_alpha import compose as straight_alpha
from cutout.matting import foreground
from cutout.matting.trimap import automatic_trimap
from cutout.pipeline.frame import Frame, Job
from cutout.pipeline.plan import Plan


def needs_colours(plan: Plan) -> bool:
    """Whether true subject colours show: masks have none, the overlay shows the image's own."""
    options = plan.options
    return options.remove and options.decontaminate and options.output == "cutout"


def decontaminate(frame: Frame, job: Job) -> Frame:
    """True subject colours in the soft edge; a blurred background still needs the original."""
    original = frame.rgb if job.plan.blurs else None
    return replace(frame, rgb=foreground.decontaminate(frame.rgb, frame.matte), original=original)


def apply_transparency(frame: Frame, job: Job) -> Frame:
    """Keep the transparency that the image already has; earlier steps see the model's matte."""
    if frame.transparency is None:
        return frame
    return replace(frame, alpha=frame.matte * frame.transparency, transparency=None)


def crop(frame: Frame, job: Job) -> Frame:
    """Cut to the subject and the margin around it."""
    box = geometry.with_margin(
        geometry.subject_box(frame.matte), job.plan.margin, frame.matte.shape
    )
    rgb, alpha = geometry.crop(frame.rgb, frame.matte, box)
    original = frame.original
    if original is not None:
        original, _ = geometry.crop(original, frame.matte, box)
    return replace(frame, rgb=rgb, alpha=alpha, original=original)


def limit_size(frame: Frame, job: Job) -> Frame:
    """Scale down to the longest side asked for."""
    longest = job.options.max_size or max(frame.size)
    rgb, alpha = geometry.fit_within(frame.rgb, frame.matte, longest)
    original = frame.original
    if original is not None:
        original, _ = geometry.fit_within(original, np.ones_like(frame.matte), longest)
    return replace(frame, rgb=rgb, alpha=alpha, original=original)


def compose(frame: Frame, job: Job) -> Frame:
    """Render the kind of output asked for and let go of what the file does not need."""
    pixels = np.ascontiguousarray(_render(frame, job.plan))
    empty = np.empty((0, 0, 3), np.uint8)
    return replace(frame, pixels=pixels, rgb=empty, alpha=None, original=None)


def _render(frame: Frame, plan: Plan) -> np.ndarray:
    """(h, w, 4), (h, w, 3) or (h, w) uint8, by kind of output and background."""
    rgb, alpha = np.ascontiguousarray(frame.rgb), np.ascontiguousarray(frame.matte)
    kind = plan.options.output
    if kind == "mask":
        return views.grey_mask(alpha)
    if kind == "trimap":
        return automatic_trimap(alpha)
    if kind == "overlay":
        return views.overlay(rgb, alpha)
    if not plan.has_background:
        return straight_alpha(rgb, alpha)
    return _on_background(replace(frame, rgb=rgb, alpha=alpha), plan)


def _on_background(frame: Frame, plan: Plan) -> np.ndarray:
    """The subject on the background: (h, w, 3), or (h, w, 4) on a translucent colour."""
    back, strength = _background(frame, plan)
    linear = plan.options.blend == "linear"
    rgb, alpha = backgrounds.over(frame.rgb, frame.matte, back, strength, linear)
    return rgb if strength == 1 else straight_alpha(rgb, alpha)


def _background(frame: Frame, plan: Plan) -> tuple[np.ndarray, float]:
    """The background (h, w, 3) or (3,) uint8 in the colours of the image, and its alpha."""
    if plan.colour is None:
        original = frame.rgb if frame.original is None else frame.original
        return backgrounds.blurred(np.ascontiguousarray(original), frame.matte), 1.0
    if plan.extras.background is not None:
        return backgrounds.cover(plan.extras.background, frame.matte.shape), 1.0
    return np.array(plan.colour[:3], np.uint8), plan.colour[3] / 255


def encode(frame: Frame, job: Job) -> Frame:
    """Write the file; a colour profile goes with colours only."""
    pixels = frame.pixels
    if pixels is None:
        raise ValueError("the frame has not been rendered")
    icc = frame.icc if pixels.ndim == 3 else None
    return replace(frame, data=images.encode(pixels, job.options.format, icc, frame.dpi))

"""The steps after the matte: colours, crop, size, background, kind of output, file."""

from dataclasses import replace

import numpy as np

from cutout import images
from cutout.compose import backgrounds, canvas, geometry, shadow, views
from cutout.compose.straight_alpha import compose as straight_alpha
from cutout.errors import UndecodableImage
from cutout.matting import foreground
from cutout.matting.trimap import automatic_trimap
from cutout.pipeline.frame import Frame, Job
from cutout.pipeline.plan import Plan

Warnings = tuple[str, ...]


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


def place(frame: Frame, job: Job) -> Frame:
    """Put the subject on a canvas, scaled from the image as it is."""
    placement = job.plan.placement
    if placement is None:
        return frame
    size = placement.canvas or frame.size
    rgb, alpha = canvas.place(frame.rgb, frame.matte, size, placement.scale, placement.position)
    return replace(frame, rgb=rgb, alpha=alpha)


def draw_shadow(frame: Frame, job: Job) -> Frame:
    """Put a shadow under the subject, into its transparency."""
    if job.plan.shadow is None:
        return frame
    dark = shadow.subject_shadow(frame.matte, job.plan.shadow)
    rgb, alpha = shadow.under(frame.rgb, frame.matte, dark)
    return replace(frame, rgb=rgb, alpha=alpha)


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
    frame = replace(
        frame, rgb=np.ascontiguousarray(frame.rgb), alpha=np.ascontiguousarray(frame.matte)
    )
    pixels, warnings = _render(frame, job.plan)
    empty = np.empty((0, 0, 3), np.uint8)
    return replace(
        frame,
        pixels=np.ascontiguousarray(pixels),
        warnings=frame.warnings + warnings,
        rgb=empty,
        alpha=None,
        original=None,
    )


def _render(frame: Frame, plan: Plan) -> tuple[np.ndarray, Warnings]:
    """(h, w, 4), (h, w, 3) or (h, w) uint8, by kind of output and background."""
    kind = plan.options.output
    if kind == "mask":
        return views.grey_mask(frame.matte), ()
    if kind == "trimap":
        return automatic_trimap(frame.matte), ()
    if kind == "overlay":
        return views.overlay(frame.rgb, frame.matte), ()
    if not plan.has_background:
        return straight_alpha(frame.rgb, frame.matte), ()
    return _on_background(frame, plan)


def _on_background(frame: Frame, plan: Plan) -> tuple[np.ndarray, Warnings]:
    """The subject on the background: (h, w, 3), or (h, w, 4) on a translucent colour."""
    back, strength, warnings = background(frame, plan)
    linear = plan.options.blend == "linear"
    rgb, alpha = backgrounds.over(frame.rgb, frame.matte, back, strength, linear)
    return (rgb if strength == 1 else straight_alpha(rgb, alpha)), warnings


def background(frame: Frame, plan: Plan) -> tuple[np.ndarray, float, Warnings]:
    """What the plan puts behind a frame: colours, their alpha, and warnings.

    Colours are (h, w, 3) or (3,) uint8, as numbers of the image's colour profile, which goes into
    the file.
    """
    if plan.colour is None:
        original = frame.rgb if frame.original is None else frame.original
        return backgrounds.blurred(np.ascontiguousarray(original), frame.matte), 1.0, ()
    back, icc, strength = np.array(plan.colour[:3], np.uint8), None, plan.colour[3] / 255
    if plan.extras.background is not None:
        image, (height, width) = plan.extras.background, frame.matte.shape
        back, icc, strength = backgrounds.cover(image.rgb, (height, width)), image.icc, 1.0
    try:
        return images.convert_colours(back, icc, frame.icc), strength, ()
    except UndecodableImage:
        text = "The background's colours could not be converted to the image's profile."
        return back, strength, (text,)


def encode(frame: Frame, job: Job) -> Frame:
    """Write the file; a colour profile goes with colours only."""
    pixels = frame.pixels
    if pixels is None:
        raise ValueError("the frame has not been rendered")
    icc, options = frame.icc if pixels.ndim == 3 else None, job.options
    data = images.encode(pixels, options.format, icc, frame.dpi, options.compression)
    return replace(frame, data=data)

"""The dialect's order of work after the matte, in one literal list.

Crop, scale and position decide the canvas; the limit of pixels counts after them, so that a
cropped subject keeps more of its own. What nobody published is a choice of ours, listed in
`docs/migrate.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cutout import images
from cutout.compose import backgrounds, canvas, geometry, shadow
from cutout.compose.extension import extend_colours
from cutout.compose.straight_alpha import compose as straight_alpha
from cutout.errors import NoSubject
from cutout.pipeline import TRANSPARENCY, Frame, Job, Plan, Step, matte_steps, render_steps
from cutout.pipeline.render_steps import background
from cutout.pixels import to_level
from cutout.removebg import sizes
from cutout.removebg.answers import archive
from cutout.removebg.parameters import Parameters

WHITE = np.full(3, 255, np.uint8)
OPAQUE = 255


def always(plan: Plan) -> bool:
    return True


def when(asked: bool) -> Callable[[Plan], bool]:
    return lambda plan: asked


@dataclass(frozen=True)
class Rendering:
    """The steps of one request, which know its parameters."""

    asked: Parameters

    def render(self) -> tuple[Step, ...]:
        """From the matte to pixels."""
        asked = self.asked
        moves = asked.scale is not None or asked.position is not None
        return (
            Step("check", always, matte_steps.judge),
            Step("colours", render_steps.needs_colours, render_steps.decontaminate),
            *TRANSPARENCY,
            Step("subject", always, locate),
            Step("crop", when(asked.crop), self.crop),
            Step("placement", when(moves), self.place),
            Step("size", always, self.limit_size),
            Step("shadow", when(asked.shadow_opacity is not None), self.draw_shadow),
            Step("background", always, self.compose),
        )

    def encode(self) -> tuple[Step, ...]:
        """From pixels to the bytes of the file."""
        return (Step("encode", always, encode),)

    def crop(self, frame: Frame, job: Job) -> Frame:
        """Cut to the subject and its margin, which is clear beyond the image's border."""
        margin = geometry.parse_margin(self.asked.crop_margin)
        box = geometry.with_margin(box_of(frame), margin, frame.size, beyond=True)
        rgb, alpha = geometry.crop(frame.rgb, frame.matte, box)
        return replace(frame, rgb=rgb, alpha=alpha)

    def place(self, frame: Frame, job: Job) -> Frame:
        """Scale the subject and move it on the canvas, from its full resolution."""
        asked = self.asked
        rgb, alpha = canvas.place(frame.rgb, frame.matte, frame.size, asked.scale, asked.position)
        subject = frame.subject if asked.crop else geometry.subject_box(alpha)
        return replace(frame, rgb=rgb, alpha=alpha, subject=subject)

    def limit_size(self, frame: Frame, job: Job) -> Frame:
        """Settle the format, then scale down to what the size asked for allows it."""
        kind = self.format_of(frame, job.plan)
        limit = sizes.megapixels(self.asked.size, png=kind == "png")
        size = geometry.size_within(frame.size, limit)
        rgb, alpha = geometry.scale_down(frame.rgb, frame.matte, size)
        factor = size[0] / frame.size[0], size[1] / frame.size[1]
        subject = scaled(box_of(frame), factor)
        return replace(frame, rgb=rgb, alpha=alpha, format=kind, subject=subject)

    def format_of(self, frame: Frame, plan: Plan) -> str:
        """The format; `auto` is PNG where the result has transparent regions, else JPEG."""
        if self.asked.format != "auto":
            return self.asked.format
        opaque = self.asked.channels == "alpha" or is_opaque(plan)
        return "jpeg" if opaque or to_level(frame.matte).min() == OPAQUE else "png"

    def draw_shadow(self, frame: Frame, job: Job) -> Frame:
        """Put the shadow under the subject, into the transparency."""
        style = shadow.DropShadow(opacity=(self.asked.shadow_opacity or 0) / 100)
        cast = shadow.subject_shadow(frame.matte, style)
        rgb, alpha = shadow.under(frame.rgb, frame.matte, cast)
        return replace(frame, rgb=rgb, alpha=alpha)

    def compose(self, frame: Frame, job: Job) -> Frame:
        """Put the background behind and let go of what the file does not need."""
        frame = replace(
            frame, rgb=np.ascontiguousarray(frame.rgb), alpha=np.ascontiguousarray(frame.matte)
        )
        pixels = self._pixels(frame, job.plan)
        empty = np.empty((0, 0, 3), np.uint8)
        return replace(frame, pixels=pixels, rgb=empty, alpha=None, scores=frame.scores)

    def _pixels(self, frame: Frame, plan: Plan) -> np.ndarray:
        """(h, w, 4), (h, w, 3) or (h, w) uint8; for a ZIP the colours and the alpha of both."""
        rgb, alpha, kind = frame.rgb, frame.matte, frame.format
        if self.asked.channels == "alpha" and kind != "zip":
            return to_level(alpha)
        if plan.has_background:
            back, strength, _ = background(frame, plan)
            rgb, alpha = backgrounds.over(rgb, alpha, back, strength)
        if kind == "zip":
            return np.dstack([extend_colours(rgb, alpha), to_level(alpha)])
        if kind == "jpeg":
            return backgrounds.over(rgb, alpha, WHITE)[0]
        return rgb if is_opaque(plan) else straight_alpha(rgb, alpha)


def locate(frame: Frame, job: Job) -> Frame:
    """Find the subject's box. Raises NoSubject where nothing is visible."""
    if job.options.on_no_subject == "error" and not (frame.matte > geometry.BOX_LEVEL).any():
        raise NoSubject("Nothing of the image is left; look at roi and at its transparency.")
    return replace(frame, subject=geometry.subject_box(frame.matte))


def encode(frame: Frame, job: Job) -> Frame:
    """Write the file; a ZIP holds the colours as JPEG and the alpha as grey PNG."""
    pixels = frame.pixels
    if pixels is None:
        raise ValueError("the frame has not been rendered")
    if frame.format != "zip":
        icc = frame.icc if pixels.ndim == 3 else None
        data = images.encode(pixels, frame.format, icc, frame.dpi, job.options.compression)
        return replace(frame, data=data)
    colour = np.ascontiguousarray(pixels[..., :3])
    alpha = np.ascontiguousarray(pixels[..., 3])
    color_jpg = images.encode(colour, "jpeg", frame.icc, frame.dpi)
    return replace(frame, data=archive(color_jpg, images.encode(alpha, "png", dpi=frame.dpi)))


def is_opaque(plan: Plan) -> bool:
    """Whether the background lets nothing through."""
    image = plan.extras.background is not None
    return image or (plan.colour is not None and plan.colour[3] == OPAQUE)


def box_of(frame: Frame) -> geometry.Box:
    return frame.subject or (0, 0, *frame.size)


def scaled(box: geometry.Box, factor: tuple[float, float]) -> geometry.Box:
    """A box in an image scaled by (down, across), in whole pixels and never empty."""
    top, left, height, width = box
    first_row, first_column = round(top * factor[0]), round(left * factor[1])
    rows = round((top + height) * factor[0]) - first_row
    columns = round((left + width) * factor[1]) - first_column
    return first_row, first_column, max(1, rows), max(1, columns)

"""The steps that make the matte: from the model's map to alpha (H, W) float32.

Strokes and matting are imported by the first request that asks for them: they need scipy, and a
server starts sooner without it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cutout.errors import CutoutError, LowConfidence, NoSubject
from cutout.matting.trimap import BACKGROUND, SUBJECT, UNKNOWN
from cutout.options import Options
from cutout.pipeline.frame import Frame, Job
from cutout.refine import masks
from cutout.refine.edges import snap_edges

if TYPE_CHECKING:
    from cutout.refine.hints import Strokes


def finish(frame: Frame, job: Job) -> Frame:
    """Stretch the model's map and bring it to the image's size."""
    alpha = job.model.finish(frame.score_map.map, frame.size, job.options.fit)
    return replace(frame, alpha=alpha)


def apply_strokes(frame: Frame, job: Job) -> Frame:
    """Correct the map by the strokes of a person, before anything else is made of it."""
    from cutout.refine.hints import apply_hints

    alpha = apply_hints(frame.rgb, frame.matte, _strokes(frame, job))
    scores = frame.score_map.corrected(alpha, frame.size, job.options.fit)
    return replace(frame, alpha=alpha, scores=scores)


def _strokes(frame: Frame, job: Job) -> "Strokes":
    """The strokes at the pixels of the frame: they are drawn on the whole image."""
    from cutout.refine.hints import Strokes, strokes_at

    extras = job.plan.extras
    if frame.whole is None or job.plan.region is None:
        return strokes_at(extras.keep, extras.erase, frame.size)
    height, width = frame.whole.shape[:2]
    top, left, rows, columns = job.plan.region
    part = slice(top, top + rows), slice(left, left + columns)
    kept, erased = strokes_at(extras.keep, extras.erase, (height, width))
    return Strokes(kept[part], erased[part])


def edge_mode(options: Options) -> str:
    """How edges are aligned; `auto` leaves them to matting where that is asked for.

    Snapping decides where the model is uncertain; matting decides it better and needs to see it.
    """
    matted = options.edges == "auto" and options.matting != "off"
    return "off" if matted else options.edges


def aligns_edges(options: Options) -> bool:
    """Whether the map's edges are aligned with the image's before the other steps."""
    return options.remove and edge_mode(options) != "off"


def align_edges(frame: Frame, job: Job) -> Frame:
    """Align the edges of the map with those of the image."""
    # `finish` made this array and nobody else holds it: no copy is needed.
    alpha = frame.matte
    return replace(frame, alpha=snap_edges(frame.rgb, alpha, edge_mode(job.options), out=alpha))


def _mask_step(
    change: Callable[[np.ndarray, float], np.ndarray], option: str
) -> Callable[[Frame, Job], Frame]:
    """A step of `refine.masks` with the strength that the option of this name holds."""

    def apply(frame: Frame, job: Job) -> Frame:
        return replace(frame, alpha=change(frame.matte, getattr(job.options, option)))

    return apply


drop_specks = _mask_step(masks.drop_specks, "drop_specks")
fill_holes = _mask_step(masks.fill_holes, "fill_holes")
smooth = _mask_step(masks.smooth, "smooth")
enhance_edges = _mask_step(masks.enhance_edges, "enhance_edges")
feather = _mask_step(masks.feather, "feather")


def threshold(frame: Frame, job: Job) -> Frame:
    """Make the matte binary, or with `softness` a ramp around the threshold."""
    options = job.options
    level = 0.5 if options.threshold is None else options.threshold
    return replace(frame, alpha=masks.threshold(frame.matte, level, options.softness))


def keep_all(frame: Frame, job: Job) -> Frame:
    """The whole image is the subject: its background stays."""
    return replace(frame, alpha=np.ones(frame.size, np.float32))


def judge(frame: Frame, job: Job) -> Frame:
    """Do what was asked for where no subject was found, or where the result is not sure enough."""
    options, quality = job.options, frame.signals
    predicted = float(str(quality["predicted_iou"]))
    if not quality["subject_found"]:
        return _answer(frame, job, options.on_no_subject, NoSubject("No subject was found."))
    if predicted < options.min_predicted_iou:
        error = LowConfidence(
            f"The predicted IoU is {predicted:.2f}, below {options.min_predicted_iou:g}: "
            "check this image by eye.",
            predicted_iou=predicted,
        )
        return _answer(frame, job, options.below, error)
    return frame


def _answer(frame: Frame, job: Job, choice: str, error: CutoutError) -> Frame:
    """Raise the error, or warn and answer what `choice` says."""
    if choice == "error":
        raise error
    frame = replace(frame, warnings=(*frame.warnings, error.detail))
    if choice == "original":
        return keep_all(frame, job)
    return replace(frame, alpha=np.zeros_like(frame.matte)) if choice == "transparent" else frame


def solve(frame: Frame, job: Job) -> Frame:
    """Solve alpha in the band around the edge; where that is skipped, align the edges after all."""
    from cutout.matting.guard import guarded
    from cutout.matting.matte import refine_matte

    options, alpha, extras = job.options, frame.matte, job.plan.extras
    solved, warnings = refine_matte(
        frame.rgb,
        alpha,
        options.matting,
        extras.trimap,
        options.matting_iterations,
        known=_known(_strokes(frame, job)) if extras.hints else None,
    )
    if extras.trimap is None:
        left_to_matting = edge_mode(options) != options.edges
        aligned = snap_edges(frame.rgb, alpha, options.edges) if left_to_matting else alpha
        skipped = solved is alpha
        solved = aligned if skipped else guarded(frame.rgb, alpha, aligned, solved)
    return replace(frame, alpha=solved, warnings=frame.warnings + warnings)


def _known(strokes: "Strokes") -> np.ndarray:
    """A trimap (H, W) uint8 that knows the strokes alone."""
    trimap = np.full(strokes.kept.shape, UNKNOWN, np.uint8)
    trimap[strokes.kept], trimap[strokes.erased] = SUBJECT, BACKGROUND
    return trimap

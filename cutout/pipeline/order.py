"""The order of work from an image to the bytes of its result, in one literal list.

A step runs where its second column says so. The parts can be run apart: a bulk engine
prepares many images, infers them in one batch and finishes each.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cutout import images
from cutout.options import Options
from cutout.pipeline import matte_steps as matte
from cutout.pipeline import region, scores
from cutout.pipeline import render_steps as render
from cutout.pipeline.frame import Frame, Job, Result, begin
from cutout.pipeline.plan import Plan
from cutout.pipeline.scores import Infer, Model
from cutout.quality import Recalibration


class Step(NamedTuple):
    """A name for timings, whether a plan wants the step, and what it does."""

    name: str
    wanted: Callable[[Plan], bool]
    apply: Callable[[Frame, Job], Frame]


def always(plan: Plan) -> bool:
    """Every plan wants it."""
    return True


def removes(plan: Plan) -> bool:
    """Whether the background is to be removed."""
    return plan.options.remove


def keeps_background(plan: Plan) -> bool:
    """Whether the image passes through as it is."""
    return not plan.options.remove


def given(name: str) -> Callable[[Plan], bool]:
    """Whether an option that is off by default (None) was asked for."""
    return lambda plan: getattr(plan.options, name) is not None


def asked(test: Callable[[Options], bool]) -> Callable[[Plan], bool]:
    """Whether the options say so."""
    return lambda plan: test(plan.options)


def corrected(plan: Plan) -> bool:
    """Whether a person corrects the model's map by strokes."""
    return plan.extras.hints


def judged(plan: Plan) -> bool:
    """Whether the model's map is all there is; what a person has corrected is not refused."""
    return plan.options.remove and not plan.extras.hints


def confined(plan: Plan) -> bool:
    """Whether the subject is looked for in a part of the image only."""
    return plan.region is not None


REGION = (Step("region", confined, region.cut),)
PREPARE = (Step("prepare", removes, scores.prepare),)
INFER = (Step("model", removes, scores.infer),)
MATTE = (
    Step("finish", removes, matte.finish),
    Step("hints", corrected, matte.apply_strokes),
    Step("edges", asked(matte.aligns_edges), matte.align_edges),
    Step("specks", given("drop_specks"), matte.drop_specks),
    Step("holes", given("fill_holes"), matte.fill_holes),
    Step("smoothing", given("smooth"), matte.smooth),
    Step("threshold", given("threshold"), matte.threshold),
    Step("enhancement", given("enhance_edges"), matte.enhance_edges),
    Step("feathering", given("feather"), matte.feather),
    Step("matting", asked(lambda options: options.matting != "off"), matte.solve),
    Step("quality", removes, scores.assess),
    Step("keep all", keeps_background, matte.keep_all),
    Step("whole", confined, region.paste),
)
TRANSPARENCY = (Step("transparency", always, render.apply_transparency),)
RENDER = (
    Step("check", judged, matte.judge),
    Step("colours", render.needs_colours, render.decontaminate),
    *TRANSPARENCY,
    Step("crop", asked(lambda options: options.crop), render.crop),
    Step("canvas", lambda plan: plan.placement is not None, render.place),
    Step("size", given("max_size"), render.limit_size),
    Step("shadow", lambda plan: plan.shadow is not None, render.draw_shadow),
    Step("background", always, render.compose),
)
# Apart, so that a caller can let go of the image's arrays before the longest step.
ENCODE = (Step("encode", always, render.encode),)
ORDER = REGION + PREPARE + INFER + MATTE + RENDER + ENCODE


def run(steps: Sequence[Step], frame: Frame, job: Job) -> Frame:
    """Run the steps that the job's plan wants, in their order."""
    for step in steps:
        if step.wanted(job.plan):
            job.check_deadline()
            with job.stages(step.name):
                frame = step.apply(frame, job)
    return frame


def result_of(frame: Frame, job: Job) -> Result:
    """The result that an encoded frame holds."""
    if frame.pixels is None:
        raise ValueError("the frame has not been rendered")
    height, width = frame.pixels.shape[:2]
    return Result(
        frame.data,
        (height, width),
        frame.signals,
        frame.warnings,
        job.options,
        frame.format or job.options.format,
        frame.subject,
    )


def make_matte(image: images.DecodedImage, job: Job) -> Frame:
    """The frame of an image up to its final matte, for those who measure it."""
    return run(REGION + PREPARE + INFER + MATTE + TRANSPARENCY, begin(image), job)


def cut_out(
    image: images.DecodedImage,
    plan: Plan,
    model: Model,
    infer: Infer,
    recalibration: Recalibration | None = None,
) -> Result:
    """Cut the subject out of one image; infer: one tensor (3, S, S) -> its scores (S, S)."""
    job = Job(plan, model, infer, recalibration=recalibration)
    frame = run(REGION + PREPARE + INFER + MATTE + RENDER, begin(image), job)
    return result_of(run(ENCODE, frame, job), job)

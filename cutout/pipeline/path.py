"""The path itself: scores, matte, colours, output; one stage a line."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cutout import images
from cutout.matting.foreground import decontaminate
from cutout.matting.matte import refine_matte
from cutout.options import Options
from cutout.pipeline import render
from cutout.pipeline.plan import Plan
from cutout.pipeline.scores import Infer, Model, Scores, scores_of
from cutout.refine.edges import snap_edges
from cutout.telemetry import Stages

Remember = Callable[[Callable[[], Scores]], Scores]


@dataclass(frozen=True)
class Matte:
    """Alpha (H, W) float32 of a picture, the quality signals, and warnings for the caller."""

    alpha: np.ndarray
    signals: dict
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A finished picture: `pixels` (h, w[, 3 or 4]) uint8 and what is known of it.

    Without the matte: it would stay in memory while the pixels are packed, the longest stage.
    """

    pixels: np.ndarray
    signals: dict
    warnings: tuple[str, ...]
    options: Options
    icc: bytes | None = None

    def encode(self) -> bytes:
        """Return the result as the bytes of an image file."""
        return render.encode(self.pixels, self.options, self.icc)


def forget(make: Callable[[], Scores]) -> Scores:
    return make()


@dataclass(frozen=True)
class Tools:
    """What a caller may bring: stage timings, and a memory for scores."""

    stages: Stages
    remember: Remember = forget


def matte_of(
    picture: images.DecodedImage, made: Plan, model: Model, infer: Infer, tools: Tools | None = None
) -> Matte:
    """The matte of a picture by the model and the steps asked for.

    The picture's own transparency is multiplied in last: steps see the model's matte alone.
    """
    tools = tools or Tools(Stages())
    rgb, options, stages = picture.rgb, made.options, tools.stages
    with stages("model"):
        scores = tools.remember(lambda: scores_of(rgb, options, model, infer))
    with stages("finish"):
        alpha = model.finish(scores.map, picture.size, options.fit)
    with stages("edges"):
        # The matte is ours alone since `finish`: no copy of it is needed.
        alpha = snap_edges(rgb, alpha, edges_for(options), out=alpha)
    with stages("refine"):
        for step in made.steps:
            alpha = step(alpha)
    warnings: tuple[str, ...] = ()
    if options.matting != "off":
        with stages("matting"):
            alpha, warnings = _matted(rgb, alpha, made)
    return Matte(alpha, scores.signals, warnings)


def edges_for(options: Options) -> str:
    """How edges are aligned; `auto` leaves them to matting where that is asked for.

    Snapping decides what the model doubts; matting decides it better and needs to see the doubt.
    """
    matted = options.edges == "auto" and options.matting != "off"
    return "off" if matted else options.edges


def _matted(rgb: np.ndarray, alpha: np.ndarray, made: Plan) -> tuple[np.ndarray, tuple[str, ...]]:
    """Alpha solved as asked, and warnings; where that is skipped, its edges aligned after all."""
    options = made.options
    solved, warnings = refine_matte(
        rgb, alpha, options.matting, made.extras.trimap, options.matting_iterations
    )
    if solved is alpha and edges_for(options) != options.edges:
        solved = snap_edges(rgb, alpha, options.edges)
    return solved, warnings


def shown_alpha(matte: Matte, picture: images.DecodedImage) -> np.ndarray:
    """Alpha (H, W) float32 of the result: the matte within the transparency the picture has."""
    return matte.alpha if picture.alpha is None else matte.alpha * picture.alpha


def cut_out(
    picture: images.DecodedImage, made: Plan, model: Model, infer: Infer, tools: Tools | None = None
) -> Result:
    """Cut the subject out of one picture.

    `infer` maps one tensor (3, S, S) to its scores (S, S): the model's own, or a batcher's.
    """
    tools = tools or Tools(Stages())
    matte = matte_of(picture, made, model, infer, tools)
    rgb, alpha = picture.rgb, shown_alpha(matte, picture)
    if made.options.decontaminate:
        with tools.stages("colours"):
            # Nothing needs the picture's own colours after this; Pillow's arrays are read-only.
            rgb = decontaminate(rgb, matte.alpha, out=rgb if rgb.flags.writeable else None)
    with tools.stages("compose"):
        rgb, alpha = render.framed(rgb, alpha, made)
        pixels = render.render(rgb, alpha, made)
    return Result(pixels, matte.signals, matte.warnings, made.options, picture.icc)

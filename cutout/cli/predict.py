"""The service's own model as the predictor of an evaluation."""

from functools import partial
from pathlib import Path

from flask import current_app

from cutout import evaluation, images, pipeline
from cutout.cli.flags import parse_options
from cutout.pixels import to_level
from cutout.telemetry import Stages


def make_predict(texts: dict[str, str]) -> tuple[evaluation.Predict, dict[str, str]]:
    """Load the model; return the predictor and a description of what it runs on."""
    made = pipeline.plan(parse_options(texts))
    parts = current_app.extensions["cutout"]
    infer = partial(parts.batcher.run, deadline=float("inf"))

    def predict(path: Path) -> evaluation.Prediction:
        tools = pipeline.Tools(Stages())
        picture = images.decode(path.read_bytes(), parts.limits)
        matte = pipeline.matte_of(picture, made, parts.model, infer, tools)
        level = to_level(pipeline.shown_alpha(matte, picture))
        return evaluation.Prediction(level, tools.stages.ms, matte.signals)

    device = parts.model.device()
    about = {"model": parts.model.describe()["name"], "options": made.options.model_dump_json()}
    return predict, about | {name: str(device[name]) for name in ("runtime", "precision")}

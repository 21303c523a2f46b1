"""The service's own model as the predictor of an evaluation."""

from functools import partial
from pathlib import Path

from flask import current_app
from pydantic import ValidationError

from .. import evaluation, images, pipeline
from ..errors import InvalidValue
from ..options import Options
from ..telemetry import Stages


def parse_options(texts: dict[str, str]) -> Options:
    """Options from NAME=VALUE texts; raises InvalidValue naming the first wrong one."""
    try:
        return Options.model_validate(texts)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        name = ".".join(map(str, item["loc"]))
        raise InvalidValue(f"Option {name!r}: {item['msg']}.", field=name) from None


def make_predict(texts: dict[str, str]) -> tuple[evaluation.Predict, dict[str, str]]:
    """Load the model; return the predictor and a description of what it runs on."""
    made = pipeline.plan(parse_options(texts))
    parts = current_app.extensions["cutout"]
    infer = partial(parts.batcher.run, deadline=float("inf"))

    def predict(path: Path) -> evaluation.Prediction:
        tools = pipeline.Tools(Stages())
        picture = images.decode(path.read_bytes(), parts.limits)
        matte = pipeline.matte_of(picture, made, parts.model, infer, tools)
        return evaluation.Prediction(images.to_level(matte.alpha), tools.stages.ms, matte.signals)

    device = parts.model.device()
    about = {"model": parts.model.describe()["name"], "options": made.options.model_dump_json()}
    return predict, about | {name: str(device[name]) for name in ("runtime", "precision")}

"""The service's own model as the predictor of an evaluation."""

from pathlib import Path

from flask import current_app

from cutout import evaluation, images, pipeline
from cutout.cli.flags import parse_options
from cutout.pixels import to_level


def make_predict(texts: dict[str, str]) -> tuple[evaluation.Predict, dict[str, str]]:
    """Load the model; return the predictor and a description of what it runs on."""
    plan = pipeline.make_plan(parse_options(texts))
    parts = current_app.extensions["cutout"]

    def predict(path: Path) -> evaluation.Prediction:
        job = pipeline.Job(plan, parts.model, parts.infer)
        frame = pipeline.make_matte(images.decode(path.read_bytes(), parts.limits), job)
        signals = frame.score_map.signals
        return evaluation.Prediction(to_level(frame.matte), job.stages.ms, signals)

    device = parts.model.device()
    about = {"model": parts.model.describe()["name"], "options": plan.options.model_dump_json()}
    return predict, about | {name: str(device[name]) for name in ("runtime", "precision")}

"""The service's own model as the predictor of an evaluation."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import current_app
from flask.cli import with_appcontext

from cutout import evaluation, images, pipeline
from cutout.cli.evaluate import evaluate_command
from cutout.cli.flags import parse_options
from cutout.pixels import to_level


@with_appcontext
def make_predict(texts: dict[str, str]) -> tuple[evaluation.Predict, dict[str, Any]]:
    """Load the model; return the predictor and a description of what it runs on."""
    plan = pipeline.make_plan(parse_options(texts))
    parts = current_app.extensions["cutout"]
    loaded = parts.loaded(plan.options.model_name)

    def predict(path: Path) -> evaluation.Prediction:
        job = pipeline.Job(plan, loaded.model, loaded.infer, recalibration=loaded.recalibration)
        frame = pipeline.make_matte(images.decode(path.read_bytes(), parts.limits), job)
        return evaluation.Prediction(to_level(frame.matte), job.stages.ms, frame.signals)

    device = loaded.model.device()
    source = {"model": loaded.name}
    source |= {name: str(device[name]) for name in ("runtime", "precision")}
    if loaded.recalibration:
        source |= {"recalibration": asdict(loaded.recalibration)}
    return predict, source | {"options": plan.options.model_dump(mode="json")}


evaluate = evaluate_command(make_predict)

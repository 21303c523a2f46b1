"""What a training came to: the start and the new models on pairs that none has seen, compared."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cutout import evaluation, images
from cutout.errors import StorageFull
from cutout.files import hash_of
from cutout.models import processing
from cutout.models.own import read_own
from cutout.models.table import ModelSpec
from cutout.pixels import to_level
from cutout.runtimes import RuntimeConfig, open_runtime

if TYPE_CHECKING:
    from cutout.training.parts import TrainRequest
    from cutout.training.run import Outcome

LIMITS = images.Limits(formats=images.KNOWN, max_pixels=200_000_000)


def compare(
    request: "TrainRequest", outcome: "Outcome", general: list[evaluation.ImagePair]
) -> None:
    """Evaluate the start and each new model on the held pairs and on a general set; compare.

    StorageFull where the report cannot be written; the model is not touched.
    """
    try:
        _compare(request, outcome, general)
    except OSError as error:
        raise StorageFull(
            f"The model is complete; its report could not be written ({error.strerror})."
        ) from error


def _compare(
    request: "TrainRequest", outcome: "Outcome", general: list[evaluation.ImagePair]
) -> None:
    models = {} if request.scratch else {"before": (request.weights, request.spec)}
    own = [path for path in outcome.files if path.suffix == ".onnx"]
    models |= {path.stem: (path, read_own(path)) for path in own}
    held = [evaluation.ImagePair(p.stem, p.image, p.mask) for p in outcome.split.held]
    sets = {"held": held, "general": general}
    folder = request.out.with_suffix(".report")
    for set_name, pairs in sets.items():
        if not pairs:
            continue
        folders = {
            name: _evaluate(folder / set_name / name, pairs, *model)
            for name, model in models.items()
        }
        for name in list(folders)[1:]:
            target = folder / set_name / f"before-{name}"
            result = evaluation.write_comparison(folders["before"], folders[name], target)
            click.echo(f"{set_name}, A is before, B is {name}: {result['verdict']}")
            click.echo(f"Report: {target / evaluation.COMPARISON}")


def _evaluate(out: Path, pairs: list[evaluation.ImagePair], path: Path, spec: ModelSpec) -> Path:
    """Evaluate one model in fp32 by onnxruntime; its folder."""
    out.mkdir(parents=True, exist_ok=True)
    predict = make_predictor(path, spec, out.parent.parent / "graphs")
    source = {"model": spec.name, "sha256": hash_of(path)}
    settings = evaluation.EvaluationSettings(("mask", "paper"))
    run = evaluation.Evaluation(out, settings, source, restart=True)
    with evaluation.process_pool(1) as pool:
        for _ in run.run(pairs, predict, pool):
            pass
    evaluation.write_results(out, {}, f"Evaluation of {spec.name}")
    return out


def make_predictor(path: Path, spec: ModelSpec, cache_dir: Path) -> evaluation.Predict:
    """The maps of an ONNX file as the service makes them, in fp32."""
    config = RuntimeConfig(
        weights=path,
        sha256=hash_of(path),
        model_name=re.sub(r"\W", "-", spec.name),
        input_size=spec.input_size,
        cache_dir=cache_dir,
        device="cpu",
        precision="fp32",
        runtime="onnxruntime",
    )
    runtime = open_runtime(config)

    def predict(image: Path) -> evaluation.Prediction:
        rgb = images.decode(image.read_bytes(), LIMITS).rgb
        tensor = processing.prepare(spec, rgb)
        scores = processing.activate(spec, runtime.run(tensor[None]))[0]
        alpha = processing.finish(scores, rgb.shape[:2])
        return evaluation.Prediction(to_level(alpha), {}, {})

    return predict

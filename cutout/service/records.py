"""What is written down of a result: the side record, and the recipe that makes it again."""

import hashlib
import json
import time
from typing import Any, Protocol

from cutout import __version__, images
from cutout.options import Options
from cutout.pipeline import Result
from cutout.telemetry import Stages

Record = dict[str, Any]


class DescribedModel(Protocol):
    def describe(self) -> dict[str, str | None]:
        """Name and hashes of the weights."""

    def device(self) -> dict[str, Any]:
        """Device asked for and active, runtime, precision, versions, degraded or not."""


def of_result(name: str, result: Result, stages: Stages, model: DescribedModel) -> Record:
    """The side record of a result that is stored under `name`."""
    height, width = result.size
    return {
        "id": name,
        "file": f"{name}.{images.SUFFIX[result.options.format]}",
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "options": result.options.model_dump(mode="json"),
        "recipe": recipe(result.options, model),
        "width": width,
        "height": height,
        **about(result.signals, result.warnings, stages, model),
    }


def about(
    signals: dict[str, object], warnings: tuple[str, ...], stages: Stages, model: DescribedModel
) -> Record:
    """What made a matte, in which times, and what is thought of it."""
    return {
        "model": model.describe(),
        "device": model.device(),
        "timings_ms": dict(stages.ms),
        "quality": signals,
        "warnings": list(warnings),
    }


def recipe(options: Options, model: DescribedModel) -> str:
    """Names what a result depends on beside its image: model, precision, options, version.

    The same recipe and image give the same result, also years later.
    """
    described, device = model.describe(), model.device()
    parts = {
        "version": __version__,
        "model": described.get("sha256") or described.get("md5") or described.get("name"),
        "runtime": device.get("runtime"),
        "precision": device.get("precision"),
        "options": options.model_dump(mode="json", exclude_defaults=True),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

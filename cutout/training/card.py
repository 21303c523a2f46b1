"""The texts beside a trained model: TOML, 8-bit ranges, model card."""

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from cutout.models.table import ModelSpec
from cutout.runtimes.calibrate import ranges_json
from cutout.training import blending
from cutout.training.export import MAX_INT8_LOSS, Exported
from cutout.training.own_model import SUFFIX, spec_toml
from cutout.training.pairs import TrainPair, hash_of_pairs
from cutout.training.quality_fit import MIN_IMAGES
from cutout.training.settings import TrainSettings

RANGES, CARD = ".ranges.json", ".md"
SUFFIXES = (SUFFIX, RANGES, CARD)
LIBRARIES = ("torch", "onnx", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Effort:
    """What the training took."""

    steps: int
    seconds: float


@dataclass(frozen=True)
class DataFacts:
    """The pairs by part, the number of replayed images, SHA-256 of the starting weights."""

    parts: dict[str, list[TrainPair]]
    replayed: int
    start_sha256: str


@dataclass(frozen=True)
class RunFacts:
    """What the models of one run share.

    spec: row of the starting model. before: its IoU on each validation image, (N,). candidates:
    all means that were measured.
    """

    spec: ModelSpec
    settings: TrainSettings
    data: DataFacts
    before: np.ndarray
    candidates: list[blending.Candidate]
    effort: Effort


@dataclass(frozen=True)
class ModelFacts:
    """One model. quality: coefficients of the predicted IoU; None where they were not fitted."""

    path: Path
    candidate: blending.Candidate
    exported: Exported
    quality: Sequence[float] | None


def texts(model: ModelFacts, run: RunFacts) -> dict[str, bytes]:
    """The files beside the model, by suffix."""
    found = {SUFFIX: _toml(model, run)}
    if model.exported.ranges is not None:
        found[RANGES] = ranges_json(model.exported.ranges)
    sections = [
        _head(model.path, run.spec, run.data),
        _data_table(run.data),
        _measures(model, run),
        _quality(model.quality, len(run.before)),
        _settings(run.settings, run.effort),
    ]
    found[CARD] = "\n".join(sections)
    return {suffix: text.encode() for suffix, text in found.items()}


def _toml(model: ModelFacts, run: RunFacts) -> str:
    exported, spec = model.exported, run.spec
    fields: dict[str, object] = {
        "name": model.path.stem,
        "size": run.settings.size,
        "mean": spec.mean,
        "std": spec.std,
        "activation": "none",
        "licence": spec.licence,
        "sha256": hashlib.sha256(exported.onnx).hexdigest(),
        # With ranges "auto" takes 8 bits on a CPU; CUDA has none and refuses the word "int8".
        "precision": "fp32" if exported.ranges is None else "auto",
    }
    if exported.ranges is not None:
        fields["ranges"] = f"{model.path.stem}{RANGES}"
    if model.quality is not None:
        fields["quality"] = [round(number, 4) for number in model.quality]
    return spec_toml(fields)


def _head(path: Path, spec: ModelSpec, data: DataFacts) -> str:
    return (
        f"# {path.stem}\n\nTrained from {spec.name} (SHA-256 {data.start_sha256}) by "
        f"`cutout train`.\n\nLicence of the starting weights: {spec.licence}"
        f"{f' ({spec.note})' if spec.note else ''}. These weights are derived from them; the terms "
        "of the training images come on top of it, and only their owner knows them.\n"
    )


def _data_table(data: DataFacts) -> str:
    rows = [
        f"| {name} | {len(pairs)} | {hash_of_pairs(pairs)} |" for name, pairs in data.parts.items()
    ]
    rows.append(f"| replay | {data.replayed} | |")
    head = "## Data\n\n| part | images | SHA-256 over names and files |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _measures(model: ModelFacts, run: RunFacts) -> str:
    candidate, exported = model.candidate, model.exported
    mean, error = blending.gain(run.before, candidate.ious)
    accepted = "accepted" if exported.ranges is not None else "refused, fp32 is used"
    lines = [
        f"## Measures on validation ({len(run.before)} images, IoU at one half)\n",
        f"Before {run.before.mean():.4f}, after {candidate.iou:.4f}, difference {mean:+.4f} "
        f"(standard error {error:.4f}). Share of the trained weights: {candidate.share:g}.\n",
        f"ONNX differs from PyTorch by {exported.parity:.1e} at most. In 8 bits: "
        f"{exported.int8_iou:.4f} against {exported.iou:.4f}, {accepted} (limit "
        f"{MAX_INT8_LOSS}).\n",
        "| share | IoU on validation | agreement with the start on unseen replay images |",
        "|---|---|---|",
    ]
    lines += [
        f"| {one.share:g} | {one.iou:.4f} | {'' if one.general is None else f'{one.general:.4f}'} |"
        for one in run.candidates
    ]
    return "\n".join(lines) + "\n"


def _quality(quality: Sequence[float] | None, images: int) -> str:
    if quality is None:
        return (
            f"## Predicted IoU\n\nNot fitted: {images} validation images, {MIN_IMAGES} are needed; "
            "the coefficients of U²-Net are used, whose order holds but not their level.\n"
        )
    numbers = ", ".join(f"{number:.3f}" for number in quality)
    return f"## Predicted IoU\n\nFitted on {images} validation images: {numbers}.\n"


def _settings(settings: TrainSettings, effort: Effort) -> str:
    rows = [f"| {name} | {value} |" for name, value in asdict(settings).items()]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"## Settings\n\n{effort.steps} steps in {effort.seconds / 60:.1f} minutes; Python "
        f"{platform.python_version()}, {libraries}.\n\n| setting | value |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )

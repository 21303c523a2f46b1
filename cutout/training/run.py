"""One training from pairs to the files of a model: check, split, train, choose, export, write."""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cutout.errors import CutoutError, InvalidValue, StorageFull
from cutout.files import hash_of, write_atomically
from cutout.models.own import model_name
from cutout.training import blending, card
from cutout.training.export import export
from cutout.training.pairs import Split, soft_masks, split_pairs, usable_images, usable_pairs
from cutout.training.parts import RunParts, TrainRequest
from cutout.training.quality_fit import fit_quality
from cutout.training.trainer import Progress, Trainer
from cutout.training.validation import score_maps, validate

# Fewer validation images than this are worth a warning.
FEW = 6


class NoGain(CutoutError):
    """The trained model is no better than the one it started from."""

    code, title = "no_gain", "Training brought no gain"


@dataclass(frozen=True)
class Outcome:
    """What a training came to. files: written, the models first. figures: as in the card."""

    files: list[Path]
    split: Split
    figures: dict[str, float]


Say = Callable[[str], None]
Show = Callable[[Progress], None]


def train(request: TrainRequest, say: Say, show: Show) -> Outcome:
    """Train and write the files; NoGain, and nothing written, where validation gains nothing.

    say: takes sentences for the user; show: takes the progress of each step.
    """
    request, split = _checked(request, say)
    started, parts = time.monotonic(), RunParts(request, split)
    before = validate(parts.start, parts.validation)
    say(f"IoU on validation before training: {before.mean():.4f}")
    trainer = Trainer(
        parts.fresh_network(),
        parts.batches(),
        parts.validation,
        request.settings,
        parts.checkpoint(),
    )
    if trainer.step:
        say(f"Resumed after step {trainer.step}.")
    for progress in trainer.run():
        show(progress)
    if trainer.stopped:
        say(f"Stopped at step {trainer.step}: {trainer.stopped}.")
    trainer.network.load_state_dict(trainer.best_state())
    start = None if request.scratch else parts.start
    found = blending.candidates(start, trainer.network, parts.validation, parts.general)
    say(f"IoU on validation after training: {max(one.iou for one in found):.4f}")
    seconds = time.monotonic() - started
    outcome = _write(parts, before, found, card.Effort(trainer.step, seconds))
    shutil.rmtree(parts.folder, ignore_errors=True)
    return outcome


def _checked(request: TrainRequest, say: Say) -> tuple[TrainRequest, Split]:
    """The request without the files that cannot be used, each of them said; its split."""
    usable, bad = usable_pairs(request.pairs)
    for stem, reason in bad.items():
        say(f"Left out: {stem}: {reason}")
    split = split_pairs(usable, request.validation, request.held, request.group_by)
    say(
        f"{len(split.train)} pairs to train on, {len(split.validation)} to validate, "
        f"{len(split.held)} held, {len(bad)} left out, {soft_masks(usable)} with soft masks."
    )
    if (count := len(split.validation)) < FEW:
        say(f"{count} validation images decide by chance; {FEW} or more are wanted.")
    replay = _usable(request.replay, "replay", say)
    backgrounds = _usable(request.backgrounds, "backgrounds", say)
    return replace(request, replay=replay, backgrounds=backgrounds), split


def _usable(paths: Sequence[Path], role: str, say: Say) -> list[Path]:
    usable, bad = usable_images(paths)
    for file, reason in bad.items():
        say(f"Left out of {role}: {file}: {reason}")
    if paths and not usable:
        raise InvalidValue(f"No image of {role} can be read.")
    return usable


def _write(
    parts: RunParts, before: np.ndarray, found: list[blending.Candidate], effort: card.Effort
) -> Outcome:
    """Choose the models, export them, write all files or none."""
    best = max(found, key=lambda one: one.iou)
    if not parts.request.scratch and not blending.is_better(before, best.ious):
        mean, error = blending.gain(before, best.ious)
        shutil.rmtree(parts.folder, ignore_errors=True)
        raise NoGain(
            f"No gain on validation: IoU {before.mean():.4f} before, {best.iou:.4f} after, "
            f"difference {mean:+.4f} with a standard error of {error:.4f} on {len(before)} "
            "images. Nothing was written. More pairs, or more steps, may help."
        )
    facts = _facts_of(parts, before, found, effort)
    files: dict[Path, bytes] = {}
    figures: dict[str, float] = {"before": float(before.mean())}
    for path, candidate in _chosen(parts, found, best).items():
        model = _model(path, candidate, parts)
        texts = card.texts(model, facts)
        files |= {path: model.exported.onnx}
        files |= {path.with_suffix(end): text for end, text in texts.items()}
        figures[path.stem] = model.exported.iou
    write_all(files)
    return Outcome(list(files), parts.split, figures)


def _chosen(
    parts: RunParts, found: list[blending.Candidate], best: blending.Candidate
) -> dict[Path, blending.Candidate]:
    """The best on validation, and beside it the one that also keeps most of what was known."""
    chosen = {parts.request.out: best}
    if parts.general is not None:
        balanced = max(found, key=lambda one: one.balance)
        if balanced.share != best.share:
            chosen[blended_path(parts.request.out)] = balanced
    return chosen


def _model(path: Path, candidate: blending.Candidate, parts: RunParts) -> card.ModelFacts:
    exported = export(candidate.network, parts.template, parts.validation, parts.calibration())
    maps = [one[0, 0].numpy() for one in score_maps(candidate.network, parts.validation.tensors)]
    return card.ModelFacts(path, candidate, exported, fit_quality(maps, candidate.ious))


def _facts_of(
    parts: RunParts, before: np.ndarray, found: list[blending.Candidate], effort: card.Effort
) -> card.RunFacts:
    request, split = parts.request, parts.split
    pairs = {"train": split.train, "validation": split.validation, "held": split.held}
    data = card.DataFacts(pairs, len(parts.replay), hash_of(request.weights))
    return card.RunFacts(request.spec, request.settings, data, before, found, effort)


def write_all(files: dict[Path, bytes]) -> None:
    """Write all files, or none where one of them cannot be written."""
    written: list[Path] = []
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data, fsync=True)
            written.append(path)
    except OSError as error:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise StorageFull(
            f"The model could not be written ({error.strerror}); nothing was kept of it. Free some "
            "room and run the same command again: it goes on from the last checkpoint."
        ) from error


def blended_path(out: Path) -> Path:
    """Where the second model of a run is written."""
    return out.with_stem(f"{out.stem}-blended")


def require_free(out: Path) -> None:
    """InvalidValue where a file of the run exists: a trained model never replaces another one.

    ConfigurationError where it has the name of a published model.
    """
    if out.suffix != ".onnx":
        raise InvalidValue("--out must end in .onnx.")
    model_name(str(out))
    for path in (out, blended_path(out)):
        for suffix in (".onnx", *card.SUFFIXES):
            if path.with_suffix(suffix).exists():
                name = path.with_suffix(suffix).name
                raise InvalidValue(f"{name} exists already; choose another name for --out.")

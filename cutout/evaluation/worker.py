"""One pair measured from its files, in a process or thread of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cutout import images, measures
from cutout.errors import CutoutError
from cutout.evaluation.pairs import ImagePair
from cutout.evaluation.records import Record

# Longest side of an image in the report's gallery, at most twice this.
THUMBNAIL_PX = 240
THUMBNAILS = "thumbs"


class Prediction(NamedTuple):
    """A map (H, W) uint8, milliseconds by stage, quality signals by name."""

    map8: np.ndarray
    timings_ms: dict[str, float]
    signals: Mapping[str, Any]


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured and how; see `measures.make_pair`. Written to the journal's first line."""

    groups: tuple[str, ...] = measures.GROUPS
    threshold: int = measures.THRESHOLD
    ignore: int | None = None


@dataclass(frozen=True)
class Task:
    """A pair, its prediction (None: read the pair's own file), and where thumbnails go."""

    pair: ImagePair
    prediction: Prediction | None
    settings: EvaluationSettings
    out: Path


# The files are the user's own: every known format, and larger than the service accepts.
LIMITS = images.Limits(formats=images.KNOWN, max_pixels=200_000_000, max_frames=1)


def reason(error: Exception) -> str:
    """Why a pair failed, without a path."""
    if isinstance(error, OSError):
        return f"A file cannot be read: {error.strerror or type(error).__name__}."
    return str(error)


def measure(task: Task) -> Record:
    """Measure one pair; a broken one gives a record with its reason."""
    try:
        return _measure(task)
    except (CutoutError, OSError) as error:
        return Record(task.pair.stem, error=reason(error))


def _measure(task: Task) -> Record:
    files, settings = task.pair, task.settings
    prediction = task.prediction or _read_prediction(files)
    true_map = _read_map(files.mask)
    pair = measures.make_pair(prediction.map8, true_map, settings.threshold, settings.ignore)
    measured = measures.score(pair, settings.groups)
    _write_thumbnail(task, pair)
    return Record(
        files.stem,
        measured.values,
        measured.curves,
        prediction.timings_ms,
        dict(prediction.signals),
    )


def _read_prediction(files: ImagePair) -> Prediction:
    if files.prediction is None:
        raise ValueError("A pair without a prediction file needs a predicted map.")
    return Prediction(_read_map(files.prediction), {}, {})


def _read_map(path: Path) -> np.ndarray:
    return images.decode_mask(path.read_bytes(), LIMITS)


def downscale(array: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of `factor` x `factor` pixels; incomplete blocks at the end are dropped."""
    height, width = (side // factor for side in array.shape[:2])
    blocks = array[: height * factor, : width * factor].reshape(
        height, factor, width, factor, *array.shape[2:]
    )
    means: np.ndarray = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _write_thumbnail(task: Task, pair: measures.MaskPair) -> None:
    """The image and its overlay side by side, as a small JPEG."""
    rgb = images.decode(task.pair.image.read_bytes(), LIMITS).rgb
    factor = max(1, max(rgb.shape[:2]) // THUMBNAIL_PX)
    small = downscale(rgb, factor).astype(np.uint8)
    pred_mask, true_mask = (
        downscale(pair.without_ignored(mask), factor) >= 0.5
        for mask in (pair.pred_mask, pair.true_mask)
    )
    both = np.concatenate([small, measures.overlay(small, pred_mask, true_mask)], axis=1)
    (task.out / THUMBNAILS / f"{task.pair.stem}.jpg").write_bytes(images.encode(both, "jpeg"))

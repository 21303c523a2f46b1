"""One pair measured from its files, in a process or thread of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cutout import images, measures
from cutout.errors import CutoutError
from cutout.evaluation.pairs import ImagePair
from cutout.evaluation.records import Record

# Width of one picture in the gallery.
THUMB_PX = 240
THUMBS = "thumbs"


class Prediction(NamedTuple):
    """What the model gave: (H, W) uint8, milliseconds by stage, quality signals by name."""

    map8: np.ndarray
    timings_ms: dict[str, float]
    signals: dict[str, float | bool]


@dataclass(frozen=True)
class Settings:
    """What is measured and how; see `measures.make_pair`. It goes into the journal's first line."""

    groups: tuple[str, ...] = measures.GROUPS
    threshold: int = measures.THRESHOLD
    ignore: int | None = None


@dataclass(frozen=True)
class Task:
    """A pair, its prediction (None: read the pair's own file), and where thumbnails go."""

    pair: ImagePair
    prediction: Prediction | None
    settings: Settings
    out: Path


# The files are the caller's own: every format, and larger than a service would take.
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
    pair, settings = task.pair, task.settings
    found = task.prediction or Prediction(_read_mask(pair.prediction), {}, {})
    pair_of_masks = measures.make_pair(
        found.map8, _read_mask(pair.mask), settings.threshold, settings.ignore
    )
    scores = measures.score(pair_of_masks, settings.groups)
    _write_thumb(task, pair_of_masks)
    return Record(pair.stem, scores.values, scores.curves, found.timings_ms, found.signals)


def _read_mask(path: Path) -> np.ndarray:
    return images.decode_mask(path.read_bytes(), LIMITS)


def shrink(array: np.ndarray, times: int) -> np.ndarray:
    """Mean over blocks of `times` x `times` pixels; what does not fill a block is cut off."""
    height, width = (side // times for side in array.shape[:2])
    blocks = array[: height * times, : width * times].reshape(
        height, times, width, times, *array.shape[2:]
    )
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _write_thumb(task: Task, pair_of_masks: measures.MaskPair) -> None:
    """The photograph and its overlay side by side, as a small JPEG."""
    rgb = images.decode(task.pair.image.read_bytes(), LIMITS).rgb
    times = max(1, max(rgb.shape[:2]) // THUMB_PX)
    small = shrink(rgb, times).astype(np.uint8)
    kept, subject = (
        shrink(pair_of_masks.agreed(m), times) >= 0.5
        for m in (pair_of_masks.pred_mask, pair_of_masks.true_mask)
    )
    both = np.concatenate([small, measures.overlay(small, kept, subject)], axis=1)
    (task.out / THUMBS / f"{task.pair.stem}.jpg").write_bytes(images.encode(both, "jpeg"))

"""Which pairs can be trained on, and which part of the run each of them belongs to."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cutout import images
from cutout.errors import CutoutError, InvalidValue
from cutout.files import hash_of
from cutout.parallel import parallel_map
from cutout.training.samples import LIMITS

# A mask is subject above this level.
THRESHOLD = 128
# Below this, one part of a split would have nothing in it.
MIN_GROUPS = 3
# Of a part that only measures.
MAX_GROUPS = 400


@dataclass(frozen=True)
class TrainPair:
    """One image with its mask."""

    stem: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Split:
    """train: learned from; validation: decides; held: scored once, at the end."""

    train: list[TrainPair]
    validation: list[TrainPair]
    held: list[TrainPair]


def usable_pairs(pairs: Sequence[TrainPair]) -> tuple[list[TrainPair], dict[str, str]]:
    """The pairs that can be trained on, and the reason for each of the others by its stem."""
    if not pairs:
        raise InvalidValue("There is no pair of image and mask.")
    reasons = parallel_map(problem_of, pairs)
    found = zip(pairs, reasons, strict=True)
    bad = {pair.stem: reason for pair, reason in found if reason}
    return [pair for pair in pairs if pair.stem not in bad], bad


def usable_images(paths: Sequence[Path]) -> tuple[list[Path], dict[str, str]]:
    """The images that can be read, and the reason for each of the others by its file name."""
    reasons = parallel_map(_problem_of_image, paths) if paths else []
    found = list(zip(paths, reasons, strict=True))
    bad = {path.name: reason for path, reason in found if reason}
    return [path for path, reason in found if not reason], bad


def _problem_of_image(path: Path) -> str:
    try:
        images.decode(path.read_bytes(), LIMITS)
    except CutoutError as error:
        return error.detail
    except OSError as error:
        return _unreadable(error)
    return ""


def _unreadable(error: OSError) -> str:
    return f"A file cannot be read: {error.strerror or type(error).__name__}."


def problem_of(pair: TrainPair) -> str:
    """Why a pair cannot be trained on; empty where it can. Soft masks can."""
    try:
        image = images.decode(pair.image.read_bytes(), LIMITS)
        levels = images.decode_mask(pair.mask.read_bytes(), LIMITS)
    except CutoutError as error:
        return error.detail
    except OSError as error:
        return _unreadable(error)
    if levels.shape != image.size:
        (height, width), (mask_height, mask_width) = image.size, levels.shape
        return f"The image is {width} x {height} px, its mask {mask_width} x {mask_height} px."
    subject = levels > THRESHOLD
    if not subject.any():
        return "The mask is empty: no level is above 128 (levels are 0 to 255)."
    return "The mask covers the whole image." if subject.all() else ""


def soft_masks(pairs: Sequence[TrainPair]) -> int:
    """How many masks have more than a tenth of their pixels between black and white."""

    def is_soft(pair: TrainPair) -> bool:
        levels = images.decode_mask(pair.mask.read_bytes(), LIMITS)
        return bool(np.mean((levels > 8) & (levels < 247)) > 0.1)

    return sum(parallel_map(is_soft, pairs))


def split_pairs(
    pairs: Sequence[TrainPair], validation: float, held: float, group_by: str | None = None
) -> Split:
    """Split by a hash of each pair's group, so that the parts do not depend on the folder's order.

    validation, held: shares of the groups, one group at least unless zero. group_by: regular
    expression; what it matches in a stem (its first group, where it has one) names the group, so
    that all views of one object are on one side. None: each stem is a group. Of a large set
    validation and held part are MAX_GROUPS groups each: more would only cost time.
    """
    by_group: dict[str, list[TrainPair]] = {}
    for pair in pairs:
        by_group.setdefault(group_of(pair.stem, group_by), []).append(pair)
    names = sorted(by_group, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    if len(names) < MIN_GROUPS:
        raise InvalidValue(
            f"{len(names)} usable groups of pairs are too few to train, validate and score on: "
            f"at least {MIN_GROUPS} are needed, 40 or more are sensible."
        )
    first = _count(len(names), validation)
    second = first + _count(len(names), held)
    if second >= len(names):
        raise InvalidValue("Validation and held part leave nothing to train on; lower them.")
    parts = (names[second:], names[:first], names[first:second])
    return Split(*([pair for name in part for pair in by_group[name]] for part in parts))


def _count(total: int, share: float) -> int:
    return min(max(1, round(total * share)), MAX_GROUPS) if share else 0


def group_of(stem: str, group_by: str | None) -> str:
    """The group of one stem; InvalidValue where the expression does not match."""
    if group_by is None:
        return stem
    try:
        found = re.search(group_by, stem)
    except re.error as error:
        raise InvalidValue(f"--group-by is no regular expression: {error}.") from error
    if found is None:
        raise InvalidValue(f"--group-by does not match {stem!r}; every pair needs a group.")
    return found[1] if found.re.groups else found[0]


def hash_of_pairs(pairs: Sequence[TrainPair]) -> str:
    """SHA-256 over names and contents, hex: equal for equal data."""
    total = hashlib.sha256()
    for pair in sorted(pairs, key=lambda one: one.stem):
        total.update(f"{pair.stem} {hash_of(pair.image)} {hash_of(pair.mask)}\n".encode())
    return total.hexdigest()

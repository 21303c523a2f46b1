"""Which image belongs to which true mask: matched by the file name without its suffix."""

from dataclasses import dataclass
from pathlib import Path

from cutout.errors import InvalidValue

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")


@dataclass(frozen=True)
class ImagePair:
    """One image of a data set; `prediction` is a map by another system, or None."""

    stem: str
    image: Path
    mask: Path
    prediction: Path | None = None


@dataclass(frozen=True)
class Pairs:
    """The pairs in the order of their names, and for each folder the names without a partner."""

    pairs: list[ImagePair]
    without_partner: dict[str, list[str]]


def _by_stem(folder: Path, role: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if path.stem in files:
            raise InvalidValue(
                f"Two {role} are called {path.stem!r} with different suffixes; keep one."
            )
        files[path.stem] = path
    return files


def find_pairs(images: Path, masks: Path, predictions: Path | None = None) -> Pairs:
    """Match the files of two folders, or three, by stem; other files are ignored.

    A stem must be in every folder to become a pair; without any pair it raises InvalidValue.
    """
    folders = {"images": images, "masks": masks} | (
        {"predictions": predictions} if predictions else {}
    )
    files = {role: _by_stem(folder, role) for role, folder in folders.items()}
    common = set.intersection(*(set(by_stem) for by_stem in files.values()))
    if not common:
        raise InvalidValue(f"No file name occurs in all folders: {', '.join(files)}.")
    pairs = [
        ImagePair(
            stem,
            files["images"][stem],
            files["masks"][stem],
            files.get("predictions", {}).get(stem),
        )
        for stem in sorted(common)
    ]
    return Pairs(pairs, {role: sorted(set(by_stem) - common) for role, by_stem in files.items()})

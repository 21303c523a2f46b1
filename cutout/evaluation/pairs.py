"""Which photograph belongs to which true mask: by the name without its ending."""

from dataclasses import dataclass
from pathlib import Path

from cutout.errors import InvalidValue

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")


@dataclass(frozen=True)
class ImagePair:
    """One picture of a data set; `prediction` is a map made elsewhere, or None."""

    stem: str
    image: Path
    mask: Path
    prediction: Path | None = None


@dataclass(frozen=True)
class Pairs:
    """The pairs in the order of their names, and per folder the names without a partner."""

    pairs: list[ImagePair]
    without_partner: dict[str, list[str]]


def _by_stem(folder: Path, role: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            continue
        if path.stem in files:
            raise InvalidValue(
                f"Two {role} are called {path.stem!r} with different endings; keep one."
            )
        files[path.stem] = path
    return files


def find_pairs(images: Path, masks: Path, predictions: Path | None = None) -> Pairs:
    """Match the files of two folders, or three, by stem; other files are left alone.

    A stem must be in every folder to become a pair; no pair at all is an InvalidValue.
    """
    folders = {"images": images, "masks": masks} | (
        {"predictions": predictions} if predictions else {}
    )
    files = {role: _by_stem(folder, role) for role, folder in folders.items()}
    common = set.intersection(*(set(found) for found in files.values()))
    if not common:
        raise InvalidValue(f"No name is in all of the folders of {' and '.join(files)}.")
    pairs = [
        ImagePair(
            stem,
            *(files[role].get(stem) for role in ("images", "masks")),
            files.get("predictions", {}).get(stem),
        )
        for stem in sorted(common)
    ]
    return Pairs(pairs, {role: sorted(set(found) - common) for role, found in files.items()})

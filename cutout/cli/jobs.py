"""Which image files become which result files, in which format."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from cutout import images
from cutout.errors import InvalidValue

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"}
FORMATS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}


class Job(NamedTuple):
    """One image file and the file its result is written to."""

    image: Path
    result: Path


def format_of(target: Path, asked: str | None) -> str | None:
    """The format of a result file: what its suffix says; `asked` where it has no suffix.

    asked: the option `format`, None where it is not given. Raises InvalidValue when the suffix is
    unknown or names another format than the one asked for.
    """
    named = FORMATS.get(target.suffix.lower())
    if named is None and (target.suffix or asked is None):
        raise InvalidValue(
            f"{target.name!r} is no folder, and its suffix names no format; "
            f"use one of {', '.join(FORMATS)}.",
            field="format",
        )
    if named and asked in FORMATS.values() and asked != named:
        raise InvalidValue(
            f"{target.name!r} is a name for {named}, but the format asked for is {asked}; "
            "change one of them.",
            field="format",
        )
    return asked or named


def find_jobs(source: Path, target: Path, result_format: str) -> list[Job]:
    """The images of `source` and their results; a folder's structure is kept in `target`.

    Results that lie inside the source are never taken as images: the target folder is left out,
    and a target that would mix results with images is refused with InvalidValue.
    """
    suffix = f".{images.SUFFIX[result_format]}"
    if source.is_file():
        result = target / f"{source.stem}{suffix}" if target.is_dir() else target
        if result.resolve() == source.resolve():
            raise InvalidValue(f"The result would replace {source.name!r}; give another target.")
        return [Job(source, result)]
    if target.is_file():
        raise InvalidValue(f"{target.name!r} is a file; a folder of images needs a folder.")
    found = _images_in(source, excluded=target)
    results = [target / name.relative_to(source) for name in _result_names(found, suffix)]
    _refuse_results_among_images(source, target, results)
    return [Job(image, result) for image, result in zip(found, results, strict=True)]


def unfinished(jobs: list[Job]) -> list[Job]:
    """Jobs without a result that is at least as new as its image."""
    return [job for job in jobs if not _is_done(job)]


def _is_done(job: Job) -> bool:
    try:
        return job.result.stat().st_mtime_ns >= job.image.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def _images_in(source: Path, excluded: Path) -> list[Path]:
    """Image files by their names, sorted, without those in the folder `excluded`."""
    inside, outside = source.resolve(), excluded.resolve()
    # The same spelling as the paths below `source` have, however `excluded` is written.
    left_out = source / outside.relative_to(inside) if outside.is_relative_to(inside) else None
    return sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not (left_out and path.is_relative_to(left_out))
        and path.is_file()
    )


def _result_names(found: list[Path], suffix: str) -> list[Path]:
    """`a.jpg` becomes `a.png`; where two images would share a result each keeps its full name."""
    full: set[Path] = set()
    while True:
        names = [path if path in full else path.with_suffix("") for path in found]
        results = [name.with_name(name.name + suffix) for name in names]
        counts = Counter(results)
        shared = {path for path, result in zip(found, results, strict=True) if counts[result] > 1}
        if shared <= full:
            return results
        full |= shared


def _refuse_results_among_images(source: Path, target: Path, results: list[Path]) -> None:
    images_folder, results_folder = source.resolve(), target.resolve()
    places = [results_folder / result.relative_to(target) for result in results]
    is_subfolder = images_folder in results_folder.parents
    among = any(place.is_relative_to(images_folder) for place in places) and not is_subfolder
    if among or results_folder == images_folder:
        raise InvalidValue(
            "Results would lie among the images and be taken as images the next time; "
            "give another target folder."
        )

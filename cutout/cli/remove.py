"""`cutout remove IN OUT`: one file, or every picture of a folder."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from cutout import images, pipeline
from cutout.cli.flags import option_flags, parse_options
from cutout.errors import CutoutError
from cutout.files import write_atomically

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"}


def jobs_of(source: Path, target: Path, suffix: str) -> list[tuple[Path, Path]]:
    """Pairs of picture and result; a folder keeps its structure, every result has `suffix`.

    `a.jpg` and `a.png` side by side would both become `a.png`: they keep their full name.
    """
    if source.is_file():
        return [(source, target / f"{source.stem}.{suffix}" if target.is_dir() else target)]
    pictures = sorted(
        path for path in source.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES
    )
    alike = Counter(path.with_suffix("") for path in pictures)
    names = [path if alike[path.with_suffix("")] > 1 else path.with_suffix("") for path in pictures]
    return [
        (path, target / f"{name.relative_to(source)}.{suffix}")
        for path, name in zip(pictures, names, strict=True)
    ]


def unfinished(jobs: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Jobs without a result that is newer than its picture."""
    return [
        (picture, result)
        for picture, result in jobs
        if not (result.exists() and result.stat().st_mtime >= picture.stat().st_mtime)
    ]


def outcomes(
    work: Callable[[Path, Path], None], jobs: list[tuple[Path, Path]], threads: int
) -> Iterator[tuple[Path, CutoutError | OSError | None]]:
    """Run `work` on every job, several at once; give each picture with its error or None."""

    def attempt(job: tuple[Path, Path]):
        try:
            work(*job)
        except (CutoutError, OSError) as error:
            return job[0], error
        return job[0], None

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(attempt, jobs)


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Also redo pictures whose result is there.")
@click.option("--background-image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option_flags
@with_appcontext
def remove(
    source: Path, target: Path, again: bool, background_image: Path | None, **wishes: str | None
) -> None:
    """Remove the background of SOURCE (a file or a folder) into TARGET.

    Pictures that are done are skipped; broken ones are listed at the end and make the exit
    status 1. Flags are the fields of /remove-bg.
    """
    try:
        made = _plan({name: text for name, text in wishes.items() if text}, background_image)
    except CutoutError as error:
        raise click.UsageError(error.detail) from error
    everything = jobs_of(source, target, images.SUFFIX[made.options.format])
    jobs = everything if again else unfinished(everything)
    broken = _run(jobs, made)
    skipped = len(everything) - len(jobs)
    click.echo(f"{len(jobs) - len(broken)} done, {skipped} skipped, {len(broken)} broken")
    for picture, why in broken:
        click.echo(f"  {picture}: {why}", err=True)
    if broken or not everything:
        sys.exit(1)


def _plan(wishes: dict[str, str], background: Path | None) -> pipeline.Plan:
    back = images.decode(background.read_bytes()).rgb if background else None
    return pipeline.make_plan(parse_options(wishes), pipeline.Extras(background=back))


def _run(jobs: list[tuple[Path, Path]], made: pipeline.Plan) -> list[tuple[Path, str]]:
    """Cut out every job under a progress bar; return the broken pictures and why."""
    parts = current_app.extensions["cutout"]

    def work(picture: Path, result: Path) -> None:
        result.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(result, parts.cut(picture.read_bytes(), made))

    if jobs:
        _ = parts.model  # load it before the bar starts to count
    threads = parts.workers if jobs else 1
    bar = tqdm(outcomes(work, jobs, threads), total=len(jobs), unit="picture")
    return [(picture, _reason(error)) for picture, error in bar if error is not None]


def _reason(error: CutoutError | OSError) -> str:
    return error.detail if isinstance(error, CutoutError) else error.strerror or "unreadable"

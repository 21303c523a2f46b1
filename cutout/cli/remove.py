"""`cutout remove SOURCE TARGET`: one file, standard input, or every image of a folder."""

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from cutout import images, pipeline
from cutout.cli.flags import option_flags, parse_options
from cutout.cli.jobs import Job, find_jobs, format_of, unfinished
from cutout.cli.watch import watch
from cutout.errors import CutoutError, InvalidValue
from cutout.files import write_atomically

# Standard input or output instead of a file.
STREAM = Path("-")
Failure = CutoutError | OSError


@click.command()
@click.argument("source", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.argument("target", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--again", is_flag=True, help="Also redo images whose result exists.")
@click.option("--watch", "keep_watching", is_flag=True, help="Keep waiting for new images.")
@click.option("--background-image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option_flags
@with_appcontext
def remove(
    source: Path,
    target: Path,
    again: bool,
    keep_watching: bool,
    background_image: Path | None,
    **option_texts: str | None,
) -> None:
    """Remove the background of SOURCE (a file, a folder, or - for standard input) into TARGET.

    TARGET is a file, whose suffix decides the format, a folder, or - for standard output. Images
    whose result exists are skipped; images that fail are listed at the end and make the exit
    status 1. With --watch it goes on with every new file of a folder until Ctrl-C.
    """
    texts = {name: text for name, text in option_texts.items() if text}
    try:
        plan = _make_plan(source, target, texts, background_image)
        if keep_watching and not source.is_dir():
            raise InvalidValue("--watch needs a folder as SOURCE.")
        find = partial(find_jobs, source, target, plan.options.format)
        jobs = [] if STREAM in (source, target) else find()
    except CutoutError as error:
        raise click.UsageError(error.detail) from error
    try:
        if STREAM in (source, target):
            _remove_stream(source, target, plan)
        elif keep_watching:
            _remove_watching(source, find, plan, again)
        else:
            _remove_files(jobs, plan, again)
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    except KeyboardInterrupt:
        click.echo("Stopped; the same command resumes from here.", err=True)
        raise click.Abort from None


def _make_plan(
    source: Path, target: Path, texts: dict[str, str], background: Path | None
) -> pipeline.Plan:
    """The plan, its format decided by the target's suffix where that is a file."""
    if STREAM in (source, target) and (source.is_dir() or target.is_dir()):
        raise InvalidValue("Standard input or output is one image: the other must be a file or -.")
    is_file = target != STREAM and not source.is_dir() and not target.is_dir()
    if is_file and (decided := format_of(target, texts.get("format"))):
        texts = texts | {"format": decided}
    data = background.read_bytes() if background else None
    back = images.decode(data) if data else None
    options = parse_options(texts)
    try:
        return pipeline.make_plan(options, pipeline.Extras(background=back))
    except InvalidValue as error:
        if is_file and error.extra.get("field") == "format":
            raise InvalidValue(f"{target.name!r}: {error.detail}", **error.extra) from error
        raise


def _remove_stream(source: Path, target: Path, plan: pipeline.Plan) -> None:
    data = sys.stdin.buffer.read() if source == STREAM else source.read_bytes()
    result = current_app.extensions["cutout"].cut(data, plan)
    if target == STREAM:
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, result)


def _remove_files(jobs: list[Job], plan: pipeline.Plan, again: bool) -> None:
    remaining = jobs if again else unfinished(jobs)
    failed = _run(remaining, plan)
    skipped = len(jobs) - len(remaining)
    click.echo(f"{len(remaining) - failed} done, {skipped} skipped, {failed} failed")
    if not jobs:
        click.echo("There is no image in the source folder.", err=True)
    if failed or not jobs:
        raise click.exceptions.Exit(1)


def _remove_watching(
    source: Path, find: Callable[[], list[Job]], plan: pipeline.Plan, again: bool
) -> None:
    # A supervisor's SIGTERM ends the command as Ctrl-C does: no result is left half-written.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _ = current_app.extensions["cutout"].loaded(plan.options.model_name)
    click.echo(f"Watching {source}; Ctrl-C ends.", err=True)
    try:
        for jobs in watch(find):
            if remaining := jobs if again else unfinished(jobs):
                failed = _run(remaining, plan)
                click.echo(f"{len(remaining) - failed} done, {failed} failed")
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _run(jobs: list[Job], plan: pipeline.Plan) -> int:
    """Do every job under a progress bar, list the failed ones, return their number."""
    if not jobs:
        return 0
    parts = current_app.extensions["cutout"]

    def work(job: Job) -> None:
        job.result.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(job.result, parts.cut(job.image.read_bytes(), plan))

    # Asked for first: it loads the model, whose time the bar should not count.
    threads = parts.workers
    failed = []
    with tqdm(total=len(jobs), unit="image", miniters=1) as bar:
        for job, failure in run_jobs(work, jobs, threads):
            bar.update()
            if failure is not None:
                failed.append(f"  {job.image}: {_reason(failure)}")
    for line in sorted(failed):
        click.echo(line, err=True)
    return len(failed)


def run_jobs(
    work: Callable[[Job], None], jobs: list[Job], threads: int
) -> Iterator[tuple[Job, Failure | None]]:
    """Run `work` on every job, several at once; yield each with its failure as it ends."""
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], _failure(future)
        finally:
            # Ctrl-C waits for the images under way only.
            for future in futures:
                future.cancel()


def _failure(future: Future[None]) -> Failure | None:
    try:
        future.result()
    except (CutoutError, OSError) as error:
        return error
    return None


def _reason(failure: Failure) -> str:
    return failure.detail if isinstance(failure, CutoutError) else failure.strerror or "unreadable"

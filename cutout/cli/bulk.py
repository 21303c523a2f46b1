"""`cutout bulk SOURCE TARGET`: every image of a folder or bucket, here or on a Ray cluster."""

import hashlib
import pkgutil
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from pydantic import SecretStr
from tqdm import tqdm

from cutout import bulk, images, pipeline
from cutout.bulk.images import FileLimits
from cutout.bulk.stages import runtime_name
from cutout.cli.flags import option_flags, parse_options
from cutout.errors import CutoutError
from cutout.models.own import find_spec
from cutout.pipeline.divided import DividedPipeline, check_divisible
from cutout.settings import Settings

# Named, not imported: the package does not depend on what is built from it.
MODEL = "u2net:RembgModel"


@click.command("bulk")
@click.argument("source")
@click.argument("target")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Threads of this process, or a Ray cluster.",
)
@click.option("--address", help="Of a Ray cluster, host:port. Without: one in this machine.")
@click.option(
    "--actors",
    type=click.IntRange(0),
    default=0,
    help="With Ray: processes that hold the model; 0 is one a node.",
)
@click.option(
    "--actor-cpus",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="With Ray: cores of each of them.",
)
@click.option(
    "--actor-gpus",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="With Ray: GPUs of each of them.",
)
@click.option("--resume/--restart", default=True, help="Continue what TARGET holds, or start over.")
@click.option("--background-image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option_flags
@with_appcontext
def bulk_command(
    source: str,
    target: str,
    engine: str,
    resume: bool,
    background_image: Path | None,
    **texts: Any,
) -> None:
    """Remove the background of every image in SOURCE into TARGET: folders, or s3:// and gs:// URIs.

    The result of `a.jpg` is `a.jpg.png`. TARGET also gets manifest.parquet and manifest.csv: one
    row an image, with its quality estimates or the reason why it failed. The same command resumes
    an interrupted job and tries failed images again; these make the exit status 1.
    """
    cluster = {name: texts.pop(name) for name in ("address", "actors", "actor_cpus", "actor_gpus")}
    try:
        plan, background = _make_plan(texts, background_image)
        job = _open_job(source, target, plan, background, restart=not resume)
        run = _local_engine(job, plan) if engine == "local" else _ray_engine(job, plan, cluster)
        _run(job, run)
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.ClickException(f"a folder cannot be read or written: {reason}") from error
    except KeyboardInterrupt:
        click.echo("Stopped; the same command resumes from here.", err=True)
        raise click.Abort from None


def _make_plan(texts: dict[str, str | None], background: Path | None) -> tuple[pipeline.Plan, str]:
    """The plan, and a hash of the background image."""
    options = parse_options({name: text for name, text in texts.items() if text})
    if background is None:
        return pipeline.make_plan(options), ""
    data = background.read_bytes()
    extras = pipeline.Extras(background=images.decode(data))
    return pipeline.make_plan(options, extras), hashlib.sha256(data).hexdigest()


def _open_job(
    source: str, target: str, plan: pipeline.Plan, background: str, restart: bool
) -> bulk.Job:
    settings = _settings()
    made_with = {
        "options": plan.options.model_dump(mode="json", exclude_defaults=True),
        "background image": background,
        "model": _model_name(plan),
        "device": settings.device,
        "runtime": settings.runtime,
        "precision": settings.precision,
    }
    suffix = images.SUFFIX[plan.options.format]
    folders = bulk.open_folder(source), bulk.open_folder(target)
    return bulk.Job(*folders, suffix, made_with, restart)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["cutout"].settings
    return settings


def _model_name(plan: pipeline.Plan) -> str:
    """The model asked for, or the first of those set."""
    return plan.options.model_name or _settings().model_names[0]


def _divided(plan: pipeline.Plan) -> DividedPipeline:
    parts, name = current_app.extensions["cutout"], _model_name(plan)
    return DividedPipeline(plan, find_spec(name), parts.limits, parts.recalibration(name))


def _local_engine(job: bulk.Job, plan: pipeline.Plan) -> bulk.Engine:
    from cutout.bulk.local_engine import LocalEngine

    parts = current_app.extensions["cutout"]
    loaded = parts.loaded(plan.options.model_name)
    return LocalEngine(
        job.source,
        job.target,
        _divided(plan),
        loaded.infer,
        FileLimits(_settings().max_bytes, job.suffix),
        runtime_name(loaded.model),
        parts.workers,
    )


def _ray_engine(job: bulk.Job, plan: pipeline.Plan, cluster: dict[str, Any]) -> bulk.Engine:
    from cutout.bulk.ray_engine import Cluster, RayEngine

    check_divisible(plan)

    # Keys of the service's clients are of no use to the workers.
    settings = _settings().model_copy(update={"keys": SecretStr(""), "keys_file": None})
    return RayEngine(
        job.source,
        job.target,
        _divided(plan),
        partial(load_model, settings, _model_name(plan), int(cluster["actor_cpus"])),
        FileLimits(settings.max_bytes, job.suffix),
        Cluster(**cluster),
    )


def load_model(settings: Settings, name: str, cores: int) -> Any:
    """The model in a worker of a cluster, on as many cores as were set aside for it."""
    threads = settings.threads or cores
    model = pkgutil.resolve_name(MODEL)
    return model(name, settings.model_copy(update={"threads": threads}))


def _run(job: bulk.Job, engine: bulk.Engine) -> None:
    pending = job.pending()
    failed = 0
    with tqdm(total=pending.count, unit="image", miniters=1, smoothing=0.05) as bar:
        for row in job.run(pending, engine):
            failed += row["status"] == "failed"
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()
    summary = job.finish()
    click.echo(
        f"{pending.count - failed} done, {failed} failed in this run; "
        f"{summary.done} done, {summary.failed} failed in all; see manifest.csv"
    )
    if not pending.count and not summary.done:
        click.echo("There is no image in the source folder.", err=True)
    if failed or not summary.done:
        raise click.exceptions.Exit(1)

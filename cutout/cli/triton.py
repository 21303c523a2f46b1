"""`cutout triton-repository OUT`: the files that a Triton server needs to run the model."""

import os
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from cutout import weights
from cutout.errors import CutoutError
from cutout.models import own
from cutout.runtimes.base import RuntimeConfig
from cutout.runtimes.triton_repository import ServerConfig, write_repository


@click.command("triton-repository")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--backend",
    type=click.Choice(["onnxruntime", "python"]),
    default="onnxruntime",
    show_default=True,
    help="python is for servers without the onnxruntime backend.",
)
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "fp16"]), default="fp32", show_default=True)
@click.option("--max-batch", type=click.IntRange(1), default=8, show_default=True)
@click.option(
    "--instances",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Copies of the model on each device.",
)
@click.option(
    "--queue",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Requests that may wait; more are refused.",
)
@with_appcontext
def triton_repository(out: Path, **server: Any) -> None:
    """Write the first model of CUTOUT_MODELS, or CUTOUT_MODEL, as a model repository into OUT."""
    settings = current_app.extensions["cutout"].settings
    try:
        spec = own.find_spec(settings.model_names[0])
        path = weights.ensure_spec(spec, models_dir=settings.models_dir)
        config = RuntimeConfig(
            weights=path,
            sha256=spec.sha256 or spec.md5 or "",
            model_name=spec.name,
            input_size=spec.input_size,
            cache_dir=settings.cache_dir or weights.derived_folder(path, os.environ),
        )
        folder = write_repository(out, config, spec, ServerConfig(**server))
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"{folder}: start the server with --model-repository={out}")

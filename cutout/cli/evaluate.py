"""`cutout evaluate` and `cutout compare`: measure a data set, compare two evaluations."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cutout import evaluation, measures
from cutout.cli.flags import parse_pairs
from cutout.errors import CutoutError
from cutout.parallel import usable_cores
from cutout.quality import write_recalibration

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CONVENTIONS = {
    "both": measures.GROUPS,
    "paper": tuple(group for group in measures.GROUPS if group != "pysodmetrics"),
    "pysodmetrics": tuple(group for group in measures.GROUPS if group != "paper"),
}
# From the options' texts to a predictor and a description of it (model, device, options).
MakePredict = Callable[[dict[str, str]], tuple[evaluation.Predict, dict[str, Any]]]


_PARAMETERS: tuple[click.Parameter, ...] = (
    click.Argument(["images"], type=FOLDER),
    click.Argument(["masks"], type=FOLDER),
    click.Option(["--out"], type=NEW_FOLDER, required=True, help="Folder for the results."),
    click.Option(["--predictions"], type=FOLDER, help="Measure these maps instead of our model's."),
    click.Option(
        ["--option", "options"],
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of `remove`; may be given several times.",
    ),
    click.Option(
        ["--convention"],
        type=click.Choice(list(CONVENTIONS)),
        default="both",
        show_default=True,
        help="How maps are normalised and averaged for F, E, S and MAE.",
    ),
    click.Option(
        ["--threshold"],
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="A pixel is subject where its alpha is above this.",
    ),
    click.Option(
        ["--ignore"],
        type=click.IntRange(0, 255),
        help="Level of the true mask that does not count.",
    ),
    click.Option(["--baseline"], type=FILE, help="A summary.json; if a measure got worse, exit 1."),
    click.Option(
        ["--max-drop"],
        type=click.FloatRange(0, 1),
        default=evaluation.MAX_DROP,
        show_default=True,
        help="Allowed loss against --baseline, in each measure's own unit: 0.005 lets an IoU of "
        ".900 become .895. For SAD, gradient and connectivity a share of the baseline.",
    ),
    click.Option(
        ["--jobs"],
        type=click.IntRange(1),
        default=usable_cores,
        help="Processes that measure.  [default: the usable cores]",
    ),
    click.Option(
        ["--resume/--restart"], default=True, help="Continue what OUT holds, or start over."
    ),
    click.Option(
        ["--calibrate"],
        type=NEW_FILE,
        help="Fit the predicted IoU to these images and write it here, for CUTOUT_CALIBRATION.",
    ),
)


@dataclass(frozen=True)
class EvaluateArguments:
    """The arguments of `evaluate`, by name."""

    images: Path
    masks: Path
    out: Path
    predictions: Path | None
    options: tuple[str, ...]
    convention: str
    threshold: float
    ignore: int | None
    baseline: Path | None
    max_drop: float
    jobs: int
    resume: bool
    calibrate: Path | None


def register(group: click.Group, make_predict: MakePredict) -> None:
    """Add the two commands to a group. make_predict is called only when the model is needed."""
    group.add_command(evaluate_command(make_predict))
    group.add_command(compare)


def evaluate_command(make_predict: MakePredict) -> click.Command:
    """The command `evaluate`. make_predict is called only when the model is needed."""

    def evaluate(**arguments: Any) -> None:
        """Measure the images in IMAGES against the true masks in MASKS, matched by name.

        Writes rows.csv, summary.json and report.html into OUT. Pairs that fail are listed and do
        not stop the run.
        """
        try:
            _evaluate(make_predict, EvaluateArguments(**arguments))
        except CutoutError as error:
            raise click.ClickException(error.detail) from error

    parameters = list(_PARAMETERS)
    return click.Command("evaluate", params=parameters, callback=evaluate, help=evaluate.__doc__)


def _evaluate(make_predict: MakePredict, arguments: EvaluateArguments) -> None:
    # First: what is missing or wrong must not be found after hours of measuring.
    evaluation.require_packages(CONVENTIONS[arguments.convention])
    baseline = evaluation.read_summary(arguments.baseline) if arguments.baseline else None
    matched = evaluation.find_pairs(arguments.images, arguments.masks, arguments.predictions)
    predict, source = _predictor(make_predict, arguments)
    settings = evaluation.EvaluationSettings(
        CONVENTIONS[arguments.convention],
        measures.level_of(arguments.threshold),
        arguments.ignore,
    )
    run = evaluation.Evaluation(arguments.out, settings, source, restart=not arguments.resume)
    _run(run, matched.pairs, predict, arguments.jobs)
    title = f"Evaluation of {arguments.images.resolve().parent.name}"
    summary = evaluation.write_results(arguments.out, matched.without_partner, title)
    _print_summary(summary)
    click.echo(f"Report: {arguments.out / evaluation.REPORT}")
    if arguments.calibrate:
        _calibrate(arguments.out, arguments.calibrate)
    if baseline:
        regressions = evaluation.find_regressions(summary, baseline, arguments.max_drop)
        _report_gate(regressions, arguments.max_drop)


def _predictor(
    make_predict: MakePredict, arguments: EvaluateArguments
) -> tuple[evaluation.Predict | None, dict[str, Any]]:
    if arguments.predictions is None:
        return make_predict(parse_pairs(arguments.options))
    if arguments.calibrate:
        raise click.UsageError("--calibrate is for our model; --predictions predict no IoU.")
    if arguments.options:
        raise click.UsageError("--option is for our model; it has no effect on --predictions.")
    return None, {"folder": arguments.predictions.resolve().name}


def _run(
    run: evaluation.Evaluation,
    pairs: list[evaluation.ImagePair],
    predict: evaluation.Predict | None,
    jobs: int,
) -> None:
    remaining = run.remaining(pairs)
    if len(remaining) < len(pairs):
        click.echo(f"{len(pairs) - len(remaining)} of {len(pairs)} images are done already.")
    if not remaining:
        return
    try:
        with (
            evaluation.process_pool(jobs) as pool,
            tqdm(total=len(remaining), unit="image", miniters=1) as bar,
        ):
            for _ in run.run(remaining, predict, pool, max_pending=4 * jobs):
                bar.update()
    except KeyboardInterrupt:
        click.echo("Stopped; the same command resumes from here.", err=True)
        raise click.Abort from None


def _print_summary(summary: dict[str, Any]) -> None:
    for name, row in summary["measures"].items():
        label = measures.MEASURES[name].label
        click.echo(f"{label:32} {row['value']:8.4f}  [{row['low']:.4f}, {row['high']:.4f}]")
    for role, stems in summary["without_partner"].items():
        if stems:
            click.echo(f"Without a partner, {role}: {', '.join(stems)}", err=True)
    for stem, reason in summary["failed"].items():
        click.echo(f"Failed: {stem}: {reason}", err=True)


def _calibrate(out: Path, target: Path) -> None:
    found, before, after = evaluation.recalibrate(out)
    write_recalibration(target, found)
    click.echo(
        f"Calibrated on {found.images} images: the mean predicted IoU was off by "
        f"{before:+.3f}, is now by {after:+.3f}. Use it with CUTOUT_CALIBRATION={target}."
    )


def _report_gate(regressions: list[evaluation.Regression], max_drop: float) -> None:
    if not regressions:
        click.echo(f"Gate passed: nothing fell by more than {max_drop:g}.")
        return
    click.echo("Gate failed:", err=True)
    for regression in regressions:
        click.echo(f"  {regression.text}", err=True)
    raise click.exceptions.Exit(1)


@click.command("compare")
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@click.option("--out", type=NEW_FOLDER, required=True, help="Folder for the results.")
def compare(a: Path, b: Path, out: Path) -> None:
    """Compare two evaluations of one data set, A and B, image by image.

    Writes compare.html and compare.json into OUT and prints what differs and the verdict.
    """
    try:
        result = evaluation.write_comparison(a, b, out)
    except CutoutError as error:
        raise click.ClickException(error.detail) from error
    click.echo(result["differences_text"])
    click.echo(result["verdict"])
    for name, row in result["measures"].items():
        interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
        label = measures.MEASURES[name].label
        click.echo(f"{label:32} {row['difference']:+8.4f}  {interval}  {row['verdict']}")
    click.echo(f"Report: {out / evaluation.COMPARISON}")

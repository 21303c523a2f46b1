"""`flask --app app cutout evaluate | compare`: a data set scored, two evaluations compared."""

import os
from collections.abc import Callable
from pathlib import Path

import click
from tqdm import tqdm

from cutout import evaluation, measures
from cutout.errors import CutoutError

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CONVENTIONS = {
    "both": measures.GROUPS,
    "paper": tuple(group for group in measures.GROUPS if group != "pysodmetrics"),
    "pysodmetrics": tuple(group for group in measures.GROUPS if group != "paper"),
}
# From the options' texts to a predictor and a description of it (model, device, options).
MakePredict = Callable[[dict[str, str]], tuple[evaluation.Predict, dict[str, str]]]


def register(group: click.Group, make_predict: MakePredict) -> None:
    """Add the two commands to a group. make_predict is called only when the model is needed."""
    group.add_command(_evaluate_command(make_predict))
    group.add_command(compare)


def _evaluate_command(make_predict: MakePredict) -> click.Command:
    @click.command("evaluate")
    @click.argument("images", type=FOLDER)
    @click.argument("masks", type=FOLDER)
    @click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
    @click.option("--predictions", type=FOLDER, help="Score these maps instead of our model's.")
    @click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="As /remove-bg.")
    @click.option("--convention", type=click.Choice(list(CONVENTIONS)), default="both")
    @click.option("--threshold", type=click.IntRange(0, 255), default=measures.THRESHOLD)
    @click.option("--ignore", type=click.IntRange(0, 255), help="Level of the mask left out.")
    @click.option("--baseline", type=FILE, help="A summary.json; worse figures fail the command.")
    @click.option("--max-drop", type=float, default=0.005, show_default=True)
    @click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1)
    @click.option("--resume/--restart", default=True, help="Go on with what OUT holds, or not.")
    def evaluate(**asked: object) -> None:
        """Score the images in IMAGES against the true masks in MASKS, matched by name.

        Writes rows.csv, summary.json and report.html into OUT. Broken pairs are listed and do
        not stop it; with --baseline the exit status is 1 if a measure fell.
        """
        try:
            _evaluate(make_predict, asked)
        except CutoutError as error:
            raise click.ClickException(str(error)) from error

    return evaluate


def _evaluate(make_predict: MakePredict, asked: dict) -> None:
    # Read first: a wrong baseline should not cost the hours of a large set.
    baseline = evaluation.read_summary(asked["baseline"]) if asked["baseline"] else None
    matched = evaluation.find_pairs(asked["images"], asked["masks"], asked["predictions"])
    predict, source = _source(make_predict, asked)
    settings = evaluation.EvaluationSettings(
        CONVENTIONS[asked["convention"]], asked["threshold"], asked["ignore"]
    )
    run = evaluation.Evaluation(asked["out"], settings, source, restart=not asked["resume"])
    _run(run, matched.pairs, predict, asked["jobs"])
    title = f"Evaluation of {asked['images'].resolve().parent.name}"
    summary = evaluation.write_results(asked["out"], matched.without_partner, title)
    _print(summary)
    if baseline:
        _report_gate(evaluation.find_regressions(summary, baseline, asked["max_drop"]))


def _source(
    make_predict: MakePredict, asked: dict
) -> tuple[evaluation.Predict | None, dict[str, str]]:
    if asked["predictions"]:
        if asked["options"]:
            raise click.UsageError("--option is for our model; it has no effect on --predictions.")
        return None, {"folder": asked["predictions"].resolve().name}
    pairs = [text.partition("=") for text in asked["options"]]
    if not all(separator for _, separator, _ in pairs):
        raise click.UsageError("--option takes NAME=VALUE.")
    return make_predict({name: value for name, _, value in pairs})


def _run(
    run: evaluation.Evaluation,
    pairs: list[evaluation.ImagePair],
    predict: evaluation.Predict | None,
    jobs: int,
) -> None:
    left = run.remaining(pairs)
    if len(left) < len(pairs):
        click.echo(f"{len(pairs) - len(left)} of {len(pairs)} images are done already.")
    if not left:
        return
    try:
        with evaluation.process_pool(jobs) as pool, tqdm(total=len(left), unit="image") as bar:
            for _ in run.run(left, predict, pool, max_pending=4 * jobs):
                bar.update()
    except KeyboardInterrupt:
        click.echo("Stopped; the same command goes on from here.", err=True)
        raise click.Abort from None


def _print(summary: dict) -> None:
    for name, row in summary["measures"].items():
        label = measures.MEASURES[name].label
        click.echo(f"{label:32} {row['value']:8.4f}  [{row['low']:.4f}, {row['high']:.4f}]")
    for role, stems in summary["without_partner"].items():
        if stems:
            click.echo(f"Without a partner, {role}: {', '.join(stems)}", err=True)
    for stem, reason in summary["failed"].items():
        click.echo(f"Broken: {stem}: {reason}", err=True)


def _report_gate(regressions: list[evaluation.Regression]) -> None:
    if not regressions:
        click.echo("Gate passed: nothing fell.")
        return
    click.echo("Gate failed:", err=True)
    for regression in regressions:
        click.echo(f"  {regression.text}", err=True)
    raise click.exceptions.Exit(1)


@click.command("compare")
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def compare(a: Path, b: Path, out: Path) -> None:
    """Compare two evaluations of one data set, A and B, image by image.

    Writes compare.html and compare.json into OUT and prints the verdict.
    """
    try:
        result = evaluation.write_comparison(a, b, out)
    except CutoutError as error:
        raise click.ClickException(str(error)) from error
    click.echo(result["verdict"])
    for name, row in result["measures"].items():
        interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
        label = measures.MEASURES[name].label
        click.echo(f"{label:32} {row['difference']:+8.4f}  {interval}  {row['verdict']}")

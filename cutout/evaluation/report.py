"""`report.html`: one self-contained file, for screens of any size and for printing."""

import base64
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from cutout.evaluation import plots
from cutout.evaluation.records import Record
from cutout.evaluation.worker import THUMBNAILS
from cutout.measures import COLOURS, GROUPS, MEASURES

WORST_CASES = 24
TITLES = {
    "mask": ("Masks", "both binarised above the threshold; means over images"),
    "paper": (
        "Convention: paper",
        "map divided by its maximum; precision and recall averaged over the set, then F",
    ),
    "pysodmetrics": (
        "Convention: pysodmetrics",
        "map stretched from minimum to maximum; F and E per image, averaged over the set",
    ),
    "boundary": ("Outlines", "of the binarised masks; means over images"),
    "soft": ("Soft edges", "8-bit alpha against the mask's own levels; means over images"),
}


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("cutout.evaluation")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def render(template: str, values: Mapping[str, object]) -> str:
    """A page from one of this package's templates."""
    legend = {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in COLOURS.items()}
    return _environment().get_template(template).render(legend=legend, **values)


def thumbnail(out: Path, stem: str) -> str:
    """An image's thumbnail as a data URL; empty if the file is missing."""
    path = out / THUMBNAILS / f"{stem}.jpg"
    if not path.exists():
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def by_group(names: Iterable[str]) -> list[tuple[str, str, list[str]]]:
    """The named measures as (title, note, names) of each group that has any."""
    measured = list(names)
    rows = [(*TITLES[g], [n for n in measured if MEASURES[n].group == g]) for g in GROUPS]
    return [row for row in rows if row[2]]


def _worst_cases(out: Path, rows: list[Record]) -> list[dict[str, object]]:
    by = next((n for n in ("iou", "sod_max_f", "paper_max_f") if n in rows[0].values), None)
    if by is None:
        return []
    worst = sorted(rows, key=lambda row: row.values[by])[:WORST_CASES]
    return [
        {
            "stem": row.stem,
            "image": thumbnail(out, row.stem),
            "label": MEASURES[by].label,
            "value": row.values[by],
            "predicted": row.signals.get("predicted_iou"),
            "values": row.values,
        }
        for row in worst
    ]


def _plots(summary: dict[str, Any], rows: list[Record]) -> list[tuple[str, str]]:
    curves = summary["curves"]
    plotted: list[tuple[str, str]] = []
    if "precision" in curves:
        plotted.append(("Precision and recall (paper)", plots.precision_recall(curves)))
    if curves:
        plotted.append(("F over thresholds", plots.f_over_thresholds(curves)))
    if "iou" in rows[0].values:
        ious = [row.values["iou"] for row in rows]
        plotted.append(("IoU of the images", plots.histogram(ious, "IoU")))
    if summary["predicted_iou"]:
        known = [row for row in rows if row.signals.get("predicted_iou") is not None]
        predicted = [row.signals["predicted_iou"] for row in known]
        true = [row.values["iou"] for row in known]
        plotted.append(
            ("Predicted against true IoU", plots.predicted_against_true(predicted, true))
        )
    if summary["stages_ms"]:
        plotted.append(("Slowest stages", plots.stage_bars(summary["stages_ms"])))
    return plotted


def report(out: Path, summary: dict[str, Any], rows: list[Record], title: str) -> str:
    """The page of one evaluation. rows: as `summary.read_rows` gives them."""
    return render(
        "report.html",
        {
            "title": title,
            "summary": summary,
            "groups": by_group(summary["measures"]),
            "table": MEASURES,
            "plots": _plots(summary, rows),
            "worst": _worst_cases(out, rows),
        },
    )

"""`report.html`: one file that needs nothing else, for a screen, a phone or paper."""

import base64
from functools import cache
from pathlib import Path

import jinja2

from cutout.evaluation import plots
from cutout.evaluation.records import Record
from cutout.evaluation.worker import THUMBS
from cutout.measures import COLOURS, GROUPS, MEASURES

WORST = 24
TITLES = {
    "mask": ("Masks", "both binarised above the threshold; means over pictures"),
    "paper": (
        "Convention: paper",
        "map divided by its maximum; precision and recall averaged over the set, then F",
    ),
    "pysodmetrics": (
        "Convention: pysodmetrics",
        "map stretched from minimum to maximum; F and E a picture, averaged over the set",
    ),
    "boundary": ("Outlines", "of the binarised masks; means over pictures"),
    "soft": ("Soft edges", "8-bit alpha against the mask's own levels; means over pictures"),
}


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("cutout.evaluation")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def render(template: str, values: dict[str, object]) -> str:
    """A page from one of this package's templates."""
    legend = {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in COLOURS.items()}
    return _environment().get_template(template).render(legend=legend, **values)


def thumb(out: Path, stem: str) -> str:
    """A picture's thumbnail as a data URL; empty if it is gone."""
    path = out / THUMBS / f"{stem}.jpg"
    if not path.exists():
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def grouped(names: dict[str, dict]) -> list[tuple[str, str, list[str]]]:
    """The measures at hand as (title, note, names)."""
    found = [(*TITLES[g], [n for n in names if MEASURES[n].group == g]) for g in GROUPS]
    return [row for row in found if row[2]]


def _worst(out: Path, rows: list[Record]) -> list[dict]:
    by = next((n for n in ("iou", "sod_max_f", "paper_max_f") if n in rows[0].values), None)
    if by is None:
        return []
    worst = sorted(rows, key=lambda row: row.values[by])[:WORST]
    return [
        {
            "stem": row.stem,
            "image": thumb(out, row.stem),
            "label": MEASURES[by].label,
            "value": row.values[by],
            "predicted": row.signals.get("predicted_iou"),
            "scores": row.values,
        }
        for row in worst
    ]


def _drawings(summary: dict, rows: list[Record]) -> list[tuple[str, str]]:
    curves, drawings = summary["curves"], []
    if "precision" in curves:
        drawings.append(("Precision and recall (paper)", plots.precision_recall(curves)))
    if curves:
        drawings.append(("F over thresholds", plots.f_over_thresholds(curves)))
    if "iou" in rows[0].values:
        ious = [row.values["iou"] for row in rows]
        drawings.append(("IoU of the pictures", plots.histogram(ious, "IoU")))
    if summary["predicted_iou"]:
        known = [row for row in rows if row.signals.get("predicted_iou") is not None]
        pairs = [(row.signals["predicted_iou"], row.values["iou"]) for row in known]
        drawings.append(
            ("Predicted against true IoU", plots.predicted_against_true(*zip(*pairs, strict=True)))
        )
    if summary["stages_ms"]:
        drawings.append(("Slowest stages", plots.stage_bars(summary["stages_ms"])))
    return drawings


def report(out: Path, summary: dict, rows: list[Record], title: str) -> str:
    """The page of one evaluation. rows: as `summary.rows_of` gives them."""
    return render(
        "report.html",
        {
            "title": title,
            "summary": summary,
            "groups": grouped(summary["measures"]),
            "table": MEASURES,
            "drawings": _drawings(summary, rows),
            "worst": _worst(out, rows),
        },
    )

"""Two evaluations of one data set, picture by picture: B - A."""

from pathlib import Path

import numpy as np

from cutout.errors import InvalidValue
from cutout.evaluation.bootstrap import Replicates, interval
from cutout.evaluation.gate import COMPARABLE
from cutout.evaluation.records import read_records, read_settings
from cutout.evaluation.report import grouped, render, thumb
from cutout.evaluation.summary import PLACES, rows_of
from cutout.measures import MEASURES

MOST_CHANGED = 16
HEADLINES = ("iou", "sod_max_f", "paper_max_f", "sad")


def compare(a: Path, b: Path) -> dict:
    """Paired difference B - A of every common measure, with interval and verdict.

    a, b: folders that `evaluate` wrote, with one threshold and ignore value. Only pictures in
    both are looked at; both sides are resampled alike, so what all pictures share cancels.
    """
    _refuse_unlike(a, b)
    rows = [{row.stem: row for row in rows_of(folder)} for folder in (a, b)]
    common = rows[0].keys() & rows[1].keys()
    if not common:
        raise InvalidValue("The two evaluations have no picture in common.")
    figures = [
        Replicates(record for record in read_records(folder) if record.stem in common).figures()
        for folder in (a, b)
    ]
    measures = {
        n: _difference(n, *figures) for n in MEASURES if n in figures[0] and n in figures[1]
    }
    if not measures:
        raise InvalidValue("The two evaluations have no measure in common.")
    headline = next((name for name in HEADLINES if name in measures), next(iter(measures)))
    return {
        "pictures": len(common),
        "only_a": sorted(rows[0].keys() - common),
        "only_b": sorted(rows[1].keys() - common),
        "sources": [read_settings(folder)["source"] for folder in (a, b)],
        "measures": measures,
        "headline": headline,
        "verdict": _in_words(headline, measures[headline], len(common)),
        "changed": _changed(headline, *rows, common),
    }


def _refuse_unlike(a: Path, b: Path) -> None:
    settings = [read_settings(folder) for folder in (a, b)]
    for key in COMPARABLE:
        if settings[0][key] != settings[1][key]:
            raise InvalidValue(
                f"A was measured with {key} {settings[0][key]}, B with {settings[1][key]}; "
                "evaluate both alike."
            )


def _difference(name: str, a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict:
    difference = b[name] - a[name]
    low, high = interval(difference[1:])
    gain = 1 if MEASURES[name].higher_is_better else -1
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "B better" if gain * difference[0] > 0 else "A better"
    numbers = {"a": a[name][0], "b": b[name][0], "difference": difference[0]}
    numbers |= {"low": low, "high": high}
    return {key: round(float(x), PLACES) for key, x in numbers.items()} | {"verdict": verdict}


def _in_words(name: str, row: dict, pictures: int) -> str:
    label = MEASURES[name].label
    figures = (
        f"{label} {row['a']:.4f} for A, {row['b']:.4f} for B, difference {row['difference']:+.4f} "
        f"(95 % interval {row['low']:+.4f} to {row['high']:+.4f}) on {pictures} pictures"
    )
    if row["verdict"] == "no difference shown":
        return f"These pictures show no difference between A and B: {figures}."
    winner, other = ("B", "A") if row["verdict"] == "B better" else ("A", "B")
    return f"{winner} is better than {other}: {figures}."


def _changed(name: str, a: dict, b: dict, common: set[str]) -> list[dict]:
    changes = [{"stem": s, "a": a[s].values[name], "b": b[s].values[name]} for s in sorted(common)]
    changes = [change for change in changes if change["a"] != change["b"]]
    return sorted(changes, key=lambda change: -abs(change["b"] - change["a"]))[:MOST_CHANGED]


def comparison_page(a: Path, b: Path, result: dict) -> str:
    """`compare.html`: the table and, side by side, the pictures that changed most."""
    gallery = [
        change | {"image_a": thumb(a, change["stem"]), "image_b": thumb(b, change["stem"])}
        for change in result["changed"]
    ]
    values = {
        "title": f"{a.name} and {b.name}",
        "names": [a.name, b.name],
        "result": result,
        "groups": grouped(result["measures"]),
        "table": MEASURES,
        "gallery": gallery,
        "label": MEASURES[result["headline"]].label,
    }
    return render("compare.html", values)

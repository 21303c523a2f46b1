"""Two evaluations of one data set, image by image: B - A."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cutout.errors import InvalidValue
from cutout.evaluation.bootstrap import Replicates, interval
from cutout.evaluation.gate import COMPARABLE
from cutout.evaluation.records import Record, read_records, read_settings
from cutout.evaluation.report import by_group, render, thumbnail
from cutout.evaluation.summary import PLACES, read_rows
from cutout.measures import MEASURES

MOST_CHANGED = 16
HEADLINES = ("iou", "sod_max_f", "paper_max_f", "sad")


def compare(a: Path, b: Path) -> dict[str, Any]:
    """Paired difference B - A of every common measure, with interval and verdict; what differs.

    a, b: folders that `evaluate` wrote, with one threshold and ignore value. Only images in
    both are compared. Both sides are resampled alike, so that variation common to both cancels.
    """
    _refuse_other_settings(a, b)
    rows_a, rows_b = ({row.stem: row for row in read_rows(folder)} for folder in (a, b))
    common = rows_a.keys() & rows_b.keys()
    if not common:
        raise InvalidValue("The two evaluations have no image in common.")
    figures = [
        Replicates(record for record in read_records(folder) if record.stem in common).figures()
        for folder in (a, b)
    ]
    measures = {
        name: _difference(name, *figures)
        for name in MEASURES
        if name in figures[0] and name in figures[1]
    }
    if not measures:
        raise InvalidValue("The two evaluations have no measure in common.")
    sources = [read_settings(folder)["source"] for folder in (a, b)]
    different = differences(*sources)
    headline = next((name for name in HEADLINES if name in measures), next(iter(measures)))
    return {
        "images": len(common),
        "only_a": sorted(rows_a.keys() - common),
        "only_b": sorted(rows_b.keys() - common),
        "sources": sources,
        "differences": different,
        "differences_text": describe_differences(different),
        "measures": measures,
        "headline": headline,
        "verdict": _verdict_text(headline, measures[headline], len(common)),
        "changed": _changed(headline, rows_a, rows_b),
    }


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs between two sources, as rows of `name`, `a`, `b`; None where not set.

    Options are compared one by one where both sources have them.
    """
    sides = [{name: value for name, value in side.items() if name != "options"} for side in (a, b)]
    options = [side["options"] for side in (a, b) if isinstance(side.get("options"), dict)]
    if len(options) == 2:
        sides = [side | values for side, values in zip(sides, options, strict=True)]
    names = dict.fromkeys(name for side in sides for name in side)
    rows = ({"name": n, "a": sides[0].get(n), "b": sides[1].get(n)} for n in names)
    return [row for row in rows if row["a"] != row["b"]]


def describe_differences(rows: list[dict[str, Any]]) -> str:
    """One sentence that names what differs between A and B."""
    if not rows:
        return "A and B have the same model, device and options."
    texts = [f"{row['name']} ({_shown(row['a'])} in A, {_shown(row['b'])} in B)" for row in rows]
    return f"A and B differ in {', '.join(texts)}."


def _shown(value: object) -> object:
    return "not set" if value is None else value


def _refuse_other_settings(a: Path, b: Path) -> None:
    settings = [read_settings(folder) for folder in (a, b)]
    for key in COMPARABLE:
        if settings[0][key] != settings[1][key]:
            raise InvalidValue(
                f"A was measured with {key} {settings[0][key]}, B with {settings[1][key]}; "
                "evaluate both with the same."
            )


def _difference(name: str, a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, Any]:
    difference = b[name] - a[name]
    low, high = interval(difference[1:])
    gain = 1 if MEASURES[name].higher_is_better else -1
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "B better" if gain * difference[0] > 0 else "A better"
    numbers = {"a": a[name][0], "b": b[name][0], "difference": difference[0]}
    numbers |= {"low": low, "high": high}
    return {key: round(float(x), PLACES) for key, x in numbers.items()} | {"verdict": verdict}


def _verdict_text(name: str, row: dict[str, Any], images: int) -> str:
    label = MEASURES[name].label
    figures = (
        f"{label} {row['a']:.4f} for A, {row['b']:.4f} for B, difference {row['difference']:+.4f} "
        f"(95 % interval {row['low']:+.4f} to {row['high']:+.4f}) on {images} images"
    )
    if row["verdict"] == "no difference shown":
        return f"These images show no difference between A and B: {figures}."
    winner, other = ("B", "A") if row["verdict"] == "B better" else ("A", "B")
    return f"{winner} is better than {other}: {figures}."


def _changed(name: str, a: dict[str, Record], b: dict[str, Record]) -> list[dict[str, Any]]:
    """The images whose value of the measure differs most."""
    values = [(stem, a[stem].values[name], b[stem].values[name]) for stem in a.keys() & b.keys()]
    changes = sorted((-abs(after - before), stem, before, after) for stem, before, after in values)
    return [
        {"stem": stem, "a": before, "b": after}
        for _, stem, before, after in changes[:MOST_CHANGED]
        if before != after
    ]


def comparison_page(a: Path, b: Path, result: dict[str, Any]) -> str:
    """`compare.html`: the table and, side by side, the images that changed most."""
    gallery = [
        change | {"image_a": thumbnail(a, change["stem"]), "image_b": thumbnail(b, change["stem"])}
        for change in result["changed"]
    ]
    values = {
        "title": f"{a.name} and {b.name}",
        "names": [a.name, b.name],
        "result": result,
        "groups": by_group(result["measures"]),
        "table": MEASURES,
        "gallery": gallery,
        "label": MEASURES[result["headline"]].label,
    }
    return render("compare.html", values)

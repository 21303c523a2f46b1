"""From the journal to `rows.csv` and `summary.json`."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from cutout import __version__
from cutout.errors import InvalidValue
from cutout.evaluation.bootstrap import RESAMPLES, Replicates, interval
from cutout.evaluation.records import Record, read_failures, read_records, read_settings
from cutout.measures import MEASURES

ROWS, SUMMARY = "rows.csv", "summary.json"
# Decimal places: enough for four in a report and for a gate at .005.
PLACES = 6


def read_rows(out: Path) -> list[Record]:
    """The measured images sorted by name, without their curves: some 300 bytes each."""
    rows = {record.stem: replace(record, curves={}) for record in read_records(out)}
    return [rows[stem] for stem in sorted(rows)]


def summarise(out: Path, without_partner: dict[str, list[str]]) -> dict[str, Any]:
    """All that `report.html` and the gate need, as JSON values."""
    rows = read_rows(out)
    failed = read_failures(out)
    if not rows:
        reasons = "; ".join(f"{stem}: {text}" for stem, text in list(failed.items())[:3])
        raise InvalidValue(f"No pair could be measured. {reasons}")
    replicates = Replicates(read_records(out))
    return {
        "version": __version__,
        "settings": read_settings(out),
        "images": replicates.count,
        "failed": failed,
        "without_partner": without_partner,
        "bootstrap": f"Poisson, {RESAMPLES} resamples, 95 %",
        "measures": _figures(replicates),
        "curves": _curves(replicates),
        "stages_ms": stage_times(rows),
        "predicted_iou": calibration(rows),
    }


def _figures(replicates: Replicates) -> dict[str, dict[str, Any]]:
    figures = replicates.figures()
    return {
        name: {
            "value": round(float(figures[name][0]), PLACES),
            **dict(zip(("low", "high"), _rounded(interval(figures[name][1:])), strict=True)),
            "higher_is_better": row.higher_is_better,
        }
        for name, row in MEASURES.items()
        if name in figures
    }


def _rounded(numbers: tuple[float, ...] | np.ndarray) -> list[float]:
    return [round(float(number), PLACES) for number in numbers]


def _curves(replicates: Replicates) -> dict[str, list[float]]:
    """Mean curves over thresholds 0…255."""
    return {name: _rounded(curve[0]) for name, curve in replicates.curves().items()}


def stage_times(rows: list[Record]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of each stage, the slowest first."""
    times: dict[str, list[float]] = {}
    for row in rows:
        for stage, took_ms in row.timings_ms.items():
            times.setdefault(stage, []).append(took_ms)
    summarised = {
        stage: {
            "median": round(float(np.median(t)), 2),
            "p95": round(float(np.percentile(t, 95)), 2),
        }
        for stage, t in times.items()
    }
    return dict(sorted(summarised.items(), key=lambda item: -item[1]["median"]))


def calibration(rows: list[Record]) -> dict[str, float] | None:
    """Rank correlation and means of `predicted_iou` and the measured IoU; None without both."""
    from scipy.stats import rankdata  # importing it takes a second

    pairs = [
        (row.signals["predicted_iou"], row.values["iou"])
        for row in rows
        if row.signals.get("predicted_iou") is not None and "iou" in row.values
    ]
    if len(pairs) < 2:
        return None
    predicted, true = np.array(pairs, float).T
    ranks = rankdata(predicted), rankdata(true)
    flat = any(np.ptp(rank) == 0 for rank in ranks)
    return {
        "images": len(pairs),
        "mean_predicted": round(float(predicted.mean()), PLACES),
        "mean_true": round(float(true.mean()), PLACES),
        "rank_correlation": 0.0 if flat else round(float(np.corrcoef(ranks)[0, 1]), PLACES),
    }


def write_rows(file: TextIO, rows: list[Record]) -> None:
    """One line per image: measures by name, `<stage>_ms`, `signal_<name>`."""
    table = [_row(record) for record in rows]
    columns = list(dict.fromkeys(name for row in table for name in row))
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)


def _row(record: Record) -> dict[str, object]:
    row: dict[str, object] = {"stem": record.stem}
    row |= {name: round(value, PLACES) for name, value in record.values.items()}
    row |= {f"{stage}_ms": round(took, 2) for stage, took in record.timings_ms.items()}
    return row | {f"signal_{name}": value for name, value in record.signals.items()}


def read_summary(path: Path) -> dict[str, Any]:
    """The content of a `summary.json`, for the gate. Raises InvalidValue when it is none."""
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        summary["measures"], summary["settings"], summary["images"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise InvalidValue(
            f"{path.name!r} is no summary; give the summary.json that `evaluate` wrote."
        ) from error
    return summary

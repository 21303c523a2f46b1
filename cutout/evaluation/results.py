"""The files an evaluation leaves for people and for machines."""

import json
from pathlib import Path

from cutout.evaluation.comparing import compare, comparison_page
from cutout.evaluation.report import report
from cutout.evaluation.summary import (
    ROWS,
    SUMMARY,
    rows_of,
    summarise,
    write_atomically,
    write_rows,
)

REPORT, COMPARISON = "report.html", "compare"


def write_results(out: Path, without_partner: dict[str, list[str]], title: str) -> dict:
    """Write `rows.csv`, `summary.json` and `report.html` from the journal; return the summary."""
    summary, rows = summarise(out, without_partner), rows_of(out)
    write_atomically(out / ROWS, lambda file: write_rows(file, rows))
    write_atomically(out / SUMMARY, lambda file: json.dump(summary, file, indent=1))
    write_atomically(out / REPORT, lambda file: file.write(report(out, summary, rows, title)))
    return summary


def write_comparison(a: Path, b: Path, out: Path) -> dict:
    """Write `compare.json` and `compare.html` into `out`; return what they say."""
    result = compare(a, b)
    out.mkdir(parents=True, exist_ok=True)
    page = comparison_page(a, b, result)
    write_atomically(out / f"{COMPARISON}.json", lambda file: json.dump(result, file, indent=1))
    write_atomically(out / f"{COMPARISON}.html", lambda file: file.write(page))
    return result

"""The files an evaluation leaves for people and for machines."""

import io
import json
from pathlib import Path

from cutout.evaluation.comparing import compare, comparison_page
from cutout.evaluation.report import report
from cutout.evaluation.summary import ROWS, SUMMARY, rows_of, summarise, write_rows
from cutout.files import write_atomically

REPORT, COMPARISON = "report.html", "compare"


def write_results(out: Path, without_partner: dict[str, list[str]], title: str) -> dict:
    """Write `rows.csv`, `summary.json` and `report.html` from the journal; return the summary."""
    summary, rows = summarise(out, without_partner), rows_of(out)
    table = io.StringIO()
    write_rows(table, rows)
    write_atomically(out / ROWS, table.getvalue().encode())
    write_atomically(out / SUMMARY, json.dumps(summary, indent=1).encode())
    write_atomically(out / REPORT, report(out, summary, rows, title).encode())
    return summary


def write_comparison(a: Path, b: Path, out: Path) -> dict:
    """Write `compare.json` and `compare.html` into `out`; return what they say."""
    result = compare(a, b)
    out.mkdir(parents=True, exist_ok=True)
    page = comparison_page(a, b, result)
    write_atomically(out / f"{COMPARISON}.json", json.dumps(result, indent=1).encode())
    write_atomically(out / f"{COMPARISON}.html", page.encode())
    return result

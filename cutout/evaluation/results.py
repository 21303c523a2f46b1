"""The files that an evaluation and a comparison write."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cutout.deferred import require_package
from cutout.evaluation.comparing import compare, comparison_page
from cutout.evaluation.report import report
from cutout.evaluation.summary import ROWS, SUMMARY, read_rows, summarise, write_rows
from cutout.files import write_atomically
from cutout.measures.saliency import EVALUATION

REPORT, COMPARISON = "report.html", "compare.html"


def require_packages(groups: Sequence[str]) -> None:
    """Raise MissingPackage where what an evaluation of these groups needs is not installed."""
    require_package("matplotlib", "A report", EVALUATION)
    if "pysodmetrics" in groups:
        require_package("py_sod_metrics", "This group of measures", EVALUATION)


def write_results(out: Path, without_partner: dict[str, list[str]], title: str) -> dict[str, Any]:
    """Write `rows.csv`, `summary.json` and `report.html` from the journal; return the summary."""
    summary, rows = summarise(out, without_partner), read_rows(out)
    table = io.StringIO()
    write_rows(table, rows)
    write_atomically(out / ROWS, table.getvalue().encode())
    write_atomically(out / SUMMARY, json.dumps(summary, indent=1).encode())
    write_atomically(out / REPORT, report(out, summary, rows, title).encode())
    return summary


def write_comparison(a: Path, b: Path, out: Path) -> dict[str, Any]:
    """Write `compare.json` and `compare.html` into `out`; return their content."""
    result = compare(a, b)
    out.mkdir(parents=True, exist_ok=True)
    page = comparison_page(a, b, result)
    write_atomically(out / "compare.json", json.dumps(result, indent=1).encode())
    write_atomically(out / COMPARISON, page.encode())
    return result

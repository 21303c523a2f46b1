"""Has quality fallen? One summary against an earlier one."""

from typing import NamedTuple

from cutout.errors import InvalidValue
from cutout.measures import MEASURES

COMPARABLE = ("threshold", "ignore")


class Fall(NamedTuple):
    """A measure that got worse by more than was allowed, and the sentence that says so."""

    name: str
    text: str


def check(summary: dict, baseline: dict, max_drop: float = 0.005) -> list[Fall]:
    """What fell; an empty list passes.

    summary, baseline: as `summary.json` holds them. max_drop: allowed loss in the measure's own
    unit; for sums without an upper end (SAD, gradient, connectivity) as a share of the baseline.
    Fewer pictures, or a measure that is gone, count as fallen: a gate must not pass on less.
    """
    for key in COMPARABLE:
        before, now = (side["settings"].get(key) for side in (baseline, summary))
        if before != now:
            raise InvalidValue(f"The baseline was made with {key} {before}, this with {now}.")
    falls = []
    if summary["pictures"] < baseline["pictures"]:
        text = f"pictures measured: {baseline['pictures']} before, {summary['pictures']} now"
        falls.append(Fall("pictures", text))
    compared = ((name, _fall(name, summary, baseline, max_drop)) for name in baseline["measures"])
    return falls + [Fall(name, text) for name, text in compared if text]


def _fall(name: str, summary: dict, baseline: dict, max_drop: float) -> str | None:
    label = MEASURES[name].label if name in MEASURES else name
    if name not in summary["measures"]:
        return f"{label}: not measured any more"
    before, now = (side["measures"][name]["value"] for side in (baseline, summary))
    loss = before - now if MEASURES[name].higher_is_better else now - before
    allowed = max_drop * (before if MEASURES[name].unbounded else 1)
    if loss <= allowed + 1e-9:
        return None
    return (
        f"{label}: {before:.4f} before, {now:.4f} now; worse by {loss:.4f}, allowed {allowed:.4f}"
    )

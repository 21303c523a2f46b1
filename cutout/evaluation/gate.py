"""The quality gate: one summary against an earlier one."""

from typing import Any, NamedTuple

from cutout.errors import InvalidValue
from cutout.measures import MEASURES

COMPARABLE = ("threshold", "ignore")
# Allowed loss of every measure, in its own unit: 0.005 of an IoU is half a percentage point.
MAX_DROP = 0.005


class Regression(NamedTuple):
    """A measure that got worse by more than is allowed, and the sentence that says so."""

    name: str
    text: str


def find_regressions(
    summary: dict[str, Any], baseline: dict[str, Any], max_drop: float = MAX_DROP
) -> list[Regression]:
    """The measures that got worse; with an empty list the gate passes.

    summary, baseline: as `summary.json` holds them. max_drop: allowed loss in the measure's own
    unit; for sums without an upper bound (SAD, gradient, connectivity) as a share of the baseline.
    Fewer images than before, or a missing measure, count as regressions too.
    """
    for key in COMPARABLE:
        before, now = (side["settings"].get(key) for side in (baseline, summary))
        if before != now:
            raise InvalidValue(f"The baseline was measured with {key} {before}, this with {now}.")
    regressions = []
    if summary["images"] < baseline["images"]:
        text = f"images measured: {baseline['images']} before, {summary['images']} now"
        regressions.append(Regression("images", text))
    for name in baseline["measures"]:
        if worse := _describe_drop(name, summary, baseline, max_drop):
            regressions.append(Regression(name, worse))
    return regressions


def _describe_drop(
    name: str, summary: dict[str, Any], baseline: dict[str, Any], max_drop: float
) -> str | None:
    label = MEASURES[name].label if name in MEASURES else name
    if name not in summary["measures"]:
        return f"{label}: no longer measured"
    before, now = (side["measures"][name]["value"] for side in (baseline, summary))
    loss = before - now if MEASURES[name].higher_is_better else now - before
    allowed = max_drop * (before if MEASURES[name].unbounded else 1)
    if loss <= allowed + 1e-9:
        return None
    return (
        f"{label}: {before:.4f} before, {now:.4f} now; worse by {loss:.4f}, allowed {allowed:.4f}"
    )

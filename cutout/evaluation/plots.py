"""The drawings of a report, as SVG text that stands inside a page."""

import io
import re
from collections.abc import Callable

import numpy as np

from cutout.measures import f_measure

# Okabe and Ito's colours, as in the overlays.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#666666"
SIZE_IN = (5.2, 3.6)


def draw(paint: Callable[[object], None], across: str, up: str) -> str:
    """An SVG as wide as its place. paint: puts the data on matplotlib's axes."""
    # Imported here: it costs half a second, and most commands draw nothing.
    import matplotlib
    from matplotlib.figure import Figure

    style = {"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": across + up}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        axes.set(xlabel=across, ylabel=up)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    # The page sets the width; the prolog has no place inside HTML.
    return re.sub(
        r'(<svg [^>]*?)width="[^"]*" height="[^"]*"', r"\1", svg[svg.index("<svg") :], count=1
    )


def precision_recall(curves: dict[str, list[float]]) -> str:
    """The set's mean precision over its mean recall, with the threshold of the best F marked."""
    precision, recall = np.array(curves["precision"]), np.array(curves["recall"])
    best = int(f_measure(precision, recall).argmax())

    def paint(axes: object) -> None:
        axes.plot(recall, precision, color=BLUE)
        axes.plot(recall[best], precision[best], "o", color=ORANGE, label=f"best F, level {best}")
        axes.legend(loc="lower left")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01))

    return draw(paint, "recall", "precision")


def f_over_thresholds(curves: dict[str, list[float]]) -> str:
    """F at each level, one line for each convention that was measured."""
    lines = {}
    if "precision" in curves:
        lines["paper"] = f_measure(np.array(curves["precision"]), np.array(curves["recall"]))
    if "f" in curves:
        lines["pysodmetrics"] = np.array(curves["f"])

    def paint(axes: object) -> None:
        for (name, f), colour, dash in zip(
            lines.items(), (BLUE, ORANGE), ("-", "--"), strict=False
        ):
            axes.plot(f, color=colour, linestyle=dash, label=name)
        axes.legend(loc="lower center")
        # The ends always fall off; the part where one would set a threshold is what differs.
        lowest = min(f[8:248].min() for f in lines.values())
        axes.set(xlim=(0, 255), ylim=(max(0, np.floor(lowest * 10 - 1) / 10), 1.01))

    return draw(paint, "threshold (8-bit level)", "F (β² = 0.3)")


def histogram(values: list[float], label: str) -> str:
    """How many pictures reach which value."""

    def paint(axes: object) -> None:
        axes.hist(values, bins=np.linspace(0, 1, 21), color=BLUE, edgecolor="white")
        middle = float(np.median(values))
        axes.axvline(middle, color=ORANGE, linestyle="--", label=f"median {middle:.3f}")
        axes.legend(loc="upper left")
        axes.set(xlim=(0, 1))

    return draw(paint, label, "pictures")


def predicted_against_true(predicted: list[float], true: list[float]) -> str:
    """One dot a picture; on the line the service's opinion is right."""

    def paint(axes: object) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        axes.scatter(predicted, true, s=12, alpha=0.5, color=BLUE, edgecolors="none")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01))

    return draw(paint, "predicted IoU", "true IoU")


def stage_bars(stages_ms: dict[str, dict[str, float]]) -> str:
    """Median time of each stage, with a whisker up to the 95th percentile."""
    names = list(stages_ms)[::-1]
    middle, late = ([stages_ms[name][key] for name in names] for key in ("median", "p95"))

    def paint(axes: object) -> None:
        axes.barh(names, middle, color=GREEN)
        axes.hlines(range(len(names)), middle, late, color=GREY)

    return draw(paint, "milliseconds a picture (median, to 95th percentile)", "")

"""The plots of a report, as SVG text to put inside a page."""

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cutout.deferred import import_package
from cutout.measures import f_measure
from cutout.measures.saliency import EVALUATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, as in the overlays.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#666666"
SIZE_IN = (5.2, 3.6)


def plot_svg(draw: Callable[["Axes"], None], xlabel: str, ylabel: str) -> str:
    """An SVG without a fixed width. draw: puts the data on matplotlib's axes."""
    # Imported here: it takes half a second, and most commands draw nothing.
    matplotlib = import_package("matplotlib", "A report", EVALUATION)
    figures = import_package("matplotlib.figure", "A report", EVALUATION)
    style = {"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": xlabel + ylabel}
    with matplotlib.rc_context(style):
        figure = figures.Figure(figsize=SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    # The page sets the width; an XML prolog is not allowed inside HTML.
    return re.sub(
        r'(<svg [^>]*?)width="[^"]*" height="[^"]*"', r"\1", svg[svg.index("<svg") :], count=1
    )


def precision_recall(curves: dict[str, list[float]]) -> str:
    """The set's mean precision against its mean recall, with the threshold of the best F marked."""
    precision, recall = np.array(curves["precision"]), np.array(curves["recall"])
    best = int(f_measure(precision, recall).argmax())

    def draw(axes: "Axes") -> None:
        axes.plot(recall, precision, color=BLUE)
        axes.plot(recall[best], precision[best], "o", color=ORANGE, label=f"best F, level {best}")
        axes.legend(loc="lower left")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01))

    return plot_svg(draw, "recall", "precision")


def f_over_thresholds(curves: dict[str, list[float]]) -> str:
    """F at each level, one line for each convention that was measured."""
    lines = {}
    if "precision" in curves:
        lines["paper"] = f_measure(np.array(curves["precision"]), np.array(curves["recall"]))
    if "f" in curves:
        lines["pysodmetrics"] = np.array(curves["f"])

    def draw(axes: "Axes") -> None:
        for (name, f), colour, dash in zip(
            lines.items(), (BLUE, ORANGE), ("-", "--"), strict=False
        ):
            axes.plot(f, color=colour, linestyle=dash, label=name)
        axes.legend(loc="lower center")
        # F always falls towards both ends; thresholds are chosen in between.
        lowest = min(f[8:248].min() for f in lines.values())
        axes.set(xlim=(0, 255), ylim=(max(0, np.floor(lowest * 10 - 1) / 10), 1.01))

    return plot_svg(draw, "threshold (8-bit level)", "F (β² = 0.3)")


def histogram(values: list[float], label: str) -> str:
    """How many images have which value."""

    def draw(axes: "Axes") -> None:
        axes.hist(values, bins=20, range=(0, 1), color=BLUE, edgecolor="white")
        median = float(np.median(values))
        axes.axvline(median, color=ORANGE, linestyle="--", label=f"median {median:.3f}")
        axes.legend(loc="upper left")
        axes.set(xlim=(0, 1))

    return plot_svg(draw, label, "images")


def predicted_against_true(predicted: Sequence[float], true: Sequence[float]) -> str:
    """One dot per image; on the diagonal the predicted IoU is exact."""

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        axes.scatter(predicted, true, s=12, alpha=0.5, color=BLUE, edgecolors="none")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01))

    return plot_svg(draw, "predicted IoU", "true IoU")


def stage_bars(stages_ms: dict[str, dict[str, float]]) -> str:
    """Median time of each stage, with a line up to the 95th percentile."""
    names = list(stages_ms)[::-1]
    medians, p95s = ([stages_ms[name][key] for name in names] for key in ("median", "p95"))

    def draw(axes: "Axes") -> None:
        axes.barh(names, medians, color=GREEN)
        axes.hlines(range(len(names)), medians, p95s, color=GREY)

    return plot_svg(draw, "milliseconds per image (median, to 95th percentile)", "")

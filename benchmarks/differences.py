"""What options change in the IoU against the default, by half of each data set, with intervals.

    python -m benchmarks.differences --data DIR --cache MAPS [--sets ecssd300 carvana8]
        [--option quality=best] [--option matting=closed-form]

MAPS keeps the model's maps: a second run takes only the steps after the model. IoU at alpha 0.5;
intervals are 95 % bootstrap intervals of the mean over images. Groups are by the true mask.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.matted_sets import HALVES, Mattes, mean_interval, samples
from cutout import measures
from cutout.options import Options
from cutout.quality.maps import component_areas, sides_touched

SETS = ("ecssd300", "alphamatting14", "carvana8")
OPTIONS = ("quality=best", "matting=closed-form", "matting=knn")
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
SMALL_GROUP = 2


def groups_of(truth: np.ndarray) -> list[str]:
    """Groups that an image belongs to, by its true mask (H, W) bool."""
    share = truth.mean()
    size = next(
        name
        for limit, name in ((0.05, "under 5 %"), (0.15, "5 to 15 %"), (0.3, "15 to 30 %"), (2, ""))
        if share < limit
    )
    border = "touches the border" if sides_touched(truth) else "inside"
    parts = "several parts" if len(component_areas(truth)) > 1 else "one part"
    return ["all", size or "over 30 %", border, parts]


def measured(mattes: Mattes, folder: Path, half: str, options: list[Options]) -> list[dict]:
    """One row an image: its name, its groups, the IoU with each of the options."""
    rows = []
    for sample in samples(folder, half):
        ious = [
            measures.iou(mattes.frame(sample, one).matte > 0.5, sample.truth) for one in options
        ]
        rows.append({"stem": sample.stem, "groups": groups_of(sample.truth), "ious": ious})
    return rows


def in_words(values: np.ndarray) -> str:
    return "{:+.4f} | [{:+.4f}, {:+.4f}]".format(*mean_interval(values))


def report(title: str, rows: list[dict], names: list[str]) -> None:
    """Print the differences to the default, their distribution, and the groups."""
    ious = np.array([row["ious"] for row in rows])
    print(f"{title}: {len(rows)} images, IoU of the default {ious[:, 0].mean():.4f}")
    for place, name in enumerate(names, start=1):
        change = ious[:, place] - ious[:, 0]
        spread = " ".join(f"{one:+.3f}" for one in np.percentile(change, PERCENTILES))
        worst = rows[int(change.argmin())]["stem"]
        print(
            f"| {title} | {name} | {in_words(change)} | below -.02: {(change < -0.02).sum()} | "
            f"below -.03: {(change < -0.03).sum()} | worst {change.min():+.3f} ({worst}) | "
            f"{spread} |"
        )
    for group in sorted({group for row in rows for group in row["groups"]}):
        inside = np.array([group in row["groups"] for row in rows])
        if inside.sum() >= SMALL_GROUP:
            changes = [
                in_words(ious[inside, place] - ious[inside, 0])
                for place in range(1, len(names) + 1)
            ]
            mean = "{:.3f} [{:.3f}, {:.3f}]".format(*mean_interval(ious[inside, 0]))
            print(f"| {title}, {group} | {inside.sum()} | {mean} | {' | '.join(changes)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the model's maps")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--option", action="append", dest="options", metavar="NAME=VALUE")
    args = parser.parse_args()
    names = args.options or list(OPTIONS)
    options = [Options(), *(Options(**dict([name.split("=", 1)])) for name in names)]
    print(machine())
    mattes = Mattes(args.cache)
    for name in args.sets:
        for half in HALVES:
            report(f"{name} {half}", measured(mattes, args.data / name, half, options), names)


if __name__ == "__main__":
    main()

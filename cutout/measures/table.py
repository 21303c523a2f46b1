"""The measures by name: which way is better, where they come from, how a report calls them."""

from typing import NamedTuple

from cutout.errors import InvalidValue


class Measure(NamedTuple):
    """One row: report label, group, which way is better, whether it has no upper end."""

    label: str
    group: str
    higher_is_better: bool = True
    unbounded: bool = False


# `paper_` and `sod_` say the convention. A curve's maximum or mean over a set is taken on the
# set's mean curve, so it is no mean of the pictures' values.
MEASURES = {
    "iou": Measure("IoU", "mask"),
    "dice": Measure("Dice", "mask"),
    "precision": Measure("Precision", "mask"),
    "recall": Measure("Recall", "mask"),
    "pixel_accuracy": Measure("Pixel accuracy", "mask"),
    "specificity": Measure("Specificity", "mask"),
    "paper_max_f": Measure("max F (paper)", "paper"),
    "paper_mean_f": Measure("mean F (paper)", "paper"),
    "paper_mae": Measure("MAE (paper)", "paper", False),
    "sod_max_f": Measure("max F (pysodmetrics)", "pysodmetrics"),
    "sod_mean_f": Measure("mean F (pysodmetrics)", "pysodmetrics"),
    "sod_adaptive_f": Measure("adaptive F (pysodmetrics)", "pysodmetrics"),
    "sod_mae": Measure("MAE (pysodmetrics)", "pysodmetrics", False),
    "sod_weighted_f": Measure("weighted F", "pysodmetrics"),
    "sod_s": Measure("S-measure", "pysodmetrics"),
    "sod_max_e": Measure("max E", "pysodmetrics"),
    "sod_mean_e": Measure("mean E", "pysodmetrics"),
    "sod_adaptive_e": Measure("adaptive E", "pysodmetrics"),
    "boundary_iou": Measure("Boundary IoU (2 %)", "boundary"),
    "boundary_iou_fine": Measure("Boundary IoU (0.5 %)", "boundary"),
    "relaxed_boundary_f": Measure("Relaxed boundary F (3 px)", "boundary"),
    "sad": Measure("SAD (thousands)", "soft", False, True),
    "mse": Measure("MSE", "soft", False),
    "gradient": Measure("Gradient error (thousands)", "soft", False, True),
    "connectivity": Measure("Connectivity error (thousands)", "soft", False, True),
}
GROUPS = ("mask", "paper", "pysodmetrics", "boundary", "soft")
# What `Scores.curves` may hold: the first two of `paper`, the others of `pysodmetrics`.
CURVES = ("precision", "recall", "f", "e")


def groups_of(names: list[str]) -> tuple[str, ...]:
    """The groups that give the named measures; a group's own name stands for all of it."""
    allowed = [*GROUPS, *MEASURES]
    for name in names:
        if name not in allowed:
            raise InvalidValue(
                f"The measure {name!r} is not known.", field="measures", allowed=allowed
            )
    wanted = {MEASURES[name].group if name in MEASURES else name for name in names}
    return tuple(group for group in GROUPS if group in wanted)

"""The measures by name: group, label in reports, whether higher is better."""

from typing import NamedTuple


class Measure(NamedTuple):
    """One row: label in reports, group, whether higher is better, whether it has no upper bound."""

    label: str
    group: str
    higher_is_better: bool = True
    unbounded: bool = False


# `paper_` and `sod_` name the convention. A curve's maximum or mean over a set is that of the
# set's mean curve, and not the mean of the images' values.
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
# What `MeasuredValues.curves` may hold: `paper` gives the first two, `pysodmetrics` the others.
CURVES = ("precision", "recall", "f", "e")

"""Quality estimates of a result without ground truth, from the final alpha and the model's map."""

from cutout.quality.maps import at_size
from cutout.quality.predicted import predicted_iou
from cutout.quality.recalibration import (
    Recalibration,
    fit_recalibration,
    read_recalibration,
    write_recalibration,
)
from cutout.quality.signals import Signals, signals
from cutout.quality.views import merge, mirrored, near_box, needs_second_look, placed

__all__ = [
    "Recalibration",
    "Signals",
    "at_size",
    "fit_recalibration",
    "merge",
    "mirrored",
    "near_box",
    "needs_second_look",
    "placed",
    "predicted_iou",
    "read_recalibration",
    "signals",
    "write_recalibration",
]

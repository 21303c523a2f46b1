"""Predicted IoU fitted to the images of an evaluation."""

from pathlib import Path

import numpy as np

from cutout.evaluation.records import read_settings
from cutout.evaluation.summary import read_rows
from cutout.quality import Recalibration, fit_recalibration


def recalibrate(out: Path) -> tuple[Recalibration, float, float]:
    """What the evaluation in the folder `out` gives: the recalibration, and mean errors.

    The errors are those of the predictions, mean predicted minus mean measured IoU, before and
    after. An earlier one under which the evaluation was made is contained in the new one.
    Raises InvalidValue where too few images have both numbers.
    """
    rows = [row for row in read_rows(out) if row.signals.get("predicted_iou") is not None]
    predicted = np.array([row.signals["predicted_iou"] for row in rows], float)
    measured = np.array([row.values["iou"] for row in rows], float)
    source = read_settings(out)["source"]
    fitted = fit_recalibration(predicted, measured, str(source.get("model", "")))
    after = np.array([fitted.apply(float(one)) for one in predicted])
    earlier = source.get("recalibration")
    whole = fitted.after(Recalibration(**earlier)) if earlier else fitted
    return whole, float((predicted - measured).mean()), float((after - measured).mean())

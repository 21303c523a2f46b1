"""Measures of a prediction against a true mask, on arrays, each with its paper.

`score(make_pair(pred, truth))` gives all of them for one image; the single functions are below.
"""

from cutout.measures.boundary import boundary_iou, relaxed_boundary_f
from cutout.measures.checks import THRESHOLD, level_of
from cutout.measures.conventions import by_maximum, by_range
from cutout.measures.counts import Counts, count, iou
from cutout.measures.curves import MeanCurves, f_measure, precision_recall
from cutout.measures.mae import mae
from cutout.measures.overlay import COLOURS, overlay
from cutout.measures.saliency import e_curve, f_curve, s_measure, weighted_f
from cutout.measures.score import MaskPair, MeasuredValues, make_pair, score
from cutout.measures.soft import connectivity, gradient, mse, sad
from cutout.measures.table import CURVES, GROUPS, MEASURES, Measure

__all__ = [
    "COLOURS",
    "CURVES",
    "GROUPS",
    "MEASURES",
    "THRESHOLD",
    "Counts",
    "MaskPair",
    "MeanCurves",
    "Measure",
    "MeasuredValues",
    "boundary_iou",
    "by_maximum",
    "by_range",
    "connectivity",
    "count",
    "e_curve",
    "f_curve",
    "f_measure",
    "gradient",
    "iou",
    "level_of",
    "mae",
    "make_pair",
    "mse",
    "overlay",
    "precision_recall",
    "relaxed_boundary_f",
    "s_measure",
    "sad",
    "score",
    "weighted_f",
]

"""F, E, S and weighted F by `pysodmetrics`, the only place that imports it.

All take a map `pred` (H, W) float in [0, 1], normalised by `conventions.by_range`, and a mask
`truth` (H, W) bool. The library knows no ignored pixels: callers set both to background there.
"""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from cutout.deferred import import_package
from cutout.measures.checks import check_normalised
from cutout.measures.curves import BETA2

EVALUATION = "-r requirements-evaluate.txt"


@cache
def _library() -> ModuleType:
    """Imported with the first measure: it takes 1.5 s, which a server need not spend at start."""
    return import_package("py_sod_metrics", "This group of measures", EVALUATION)


def _results(metric: Any, pred: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Results for one image. metric: a new object, for the library's collect all images."""
    check_normalised(pred, truth)
    metric.step(np.asarray(pred, np.float64), truth, normalize=False)
    results: dict[str, Any] = metric.get_results()
    return results


def f_curve(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """F of one image at each threshold 0…255, (256,), and at twice its mean (adaptive).

    β² = 0.3, in [0, 1], higher is better; an empty truth scores 0 throughout. Achanta et al.,
    2009.
    """
    handler = _library().FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=BETA2)
    result = _results(_library().FmeasureV2({"f": handler}), pred, truth)["f"]
    # The library's thresholds descend.
    return result["dynamic"][::-1], float(result["adaptive"])


def e_curve(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """Enhanced alignment at each threshold 0…255, (256,), and at twice the mean (adaptive).

    In [0, 1] up to a factor n/(n-1) of the reference code, higher is better. For an empty truth
    it is the share predicted as background, for a full one as subject. Fan et al.,
    Enhanced-alignment measure, 2018.
    """
    result = _results(_library().Emeasure(), pred, truth)["em"]
    return result["curve"][::-1], float(result["adp"])


@cache
def _structure() -> type:
    class Structure(_library().Smeasure):  # type: ignore[misc]
        # A subject in the last row or column leaves a quarter without pixels; the library then
        # multiplies its weight of zero by NaN.
        def ssim(self, pred: np.ndarray, gt: np.ndarray) -> float:
            return float(super().ssim(pred, gt)) if pred.size else 0.0

    return Structure


def s_measure(pred: np.ndarray, truth: np.ndarray) -> float:
    """Structure: half object, half region similarity, in [0, 1], higher is better.

    For an empty truth 1 - mean(pred), for a full one mean(pred). Fan et al., Structure-measure,
    2017.
    """
    return float(_results(_structure()(), pred, truth)["sm"])


def weighted_f(pred: np.ndarray, truth: np.ndarray) -> float:
    """F with errors weighted by position and neighbourhood, β² = 1, in [0, 1], higher is better.

    An empty truth scores 0. Margolin et al., How to evaluate foreground maps?, 2014.
    """
    return float(_results(_library().WeightedFmeasure(), pred, truth)["wfm"])

"""F, E, S and weighted F by `pysodmetrics`, the only place that imports it.

All take a map (H, W) float in [0, 1], stretched by `conventions.by_range`, and a mask (H, W)
bool. The library knows no ignored pixels: the caller makes both agree there on background.
"""

from functools import cache

import numpy as np

from cutout.measures.checks import check_scored
from cutout.measures.curves import BETA2


@cache
def _library():
    """Import it with the first measure: a second and a half, which a server starts without."""
    import py_sod_metrics

    return py_sod_metrics


def _step(judge: object, scored: np.ndarray, truth: np.ndarray) -> dict:
    # A fresh judge for every picture: the library keeps all it has seen in lists.
    check_scored(scored, truth)
    judge.step(np.asarray(scored, np.float64), truth, normalize=False)
    return judge.get_results()


def f_curve(scored: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """F of one picture at each threshold 0…255, (256,), and at twice its mean (adaptive).

    β² = 0.3, in [0, 1], higher is better; an empty truth scores 0 throughout. Achanta et al.,
    2009.
    """
    handler = _library().FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=BETA2)
    result = _step(_library().FmeasureV2({"f": handler}), scored, truth)["f"]
    # The library lists thresholds downwards.
    return result["dynamic"][::-1], float(result["adaptive"])


def e_curve(scored: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """Enhanced alignment at each threshold 0…255, (256,), and at twice the mean (adaptive).

    In [0, 1] up to a factor n/(n-1) of the reference code, higher is better. For an empty truth
    it is the share left out, for a full one the share kept. Fan et al., Enhanced-alignment
    measure, 2018.
    """
    result = _step(_library().Emeasure(), scored, truth)["em"]
    return result["curve"][::-1], float(result["adp"])


@cache
def _structure() -> type:
    class Structure(_library().Smeasure):
        # A subject in the last row or column leaves a quarter without pixels; the library then
        # multiplies its weight of zero by NaN.
        def ssim(self, pred: np.ndarray, gt: np.ndarray) -> float:
            return super().ssim(pred, gt) if pred.size else 0.0

    return Structure


def s_measure(scored: np.ndarray, truth: np.ndarray) -> float:
    """Structure: half object, half region similarity, in [0, 1], higher is better.

    For an empty truth 1 - mean(map), for a full one mean(map). Fan et al., Structure-measure,
    2017.
    """
    return float(_step(_structure()(), scored, truth)["sm"])


def weighted_f(scored: np.ndarray, truth: np.ndarray) -> float:
    """F with errors weighted by place and neighbourhood, β² = 1, in [0, 1], higher is better.

    An empty truth scores 0. Margolin et al., How to evaluate foreground maps?, 2014.
    """
    return float(_step(_library().WeightedFmeasure(), scored, truth)["wfm"])

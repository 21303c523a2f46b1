"""All measures of one image: an 8-bit map against an 8-bit true mask."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cutout.errors import InvalidValue
from cutout.measures import boundary, conventions, curves, saliency, soft
from cutout.measures.checks import THRESHOLD, check_level, check_maps
from cutout.measures.counts import count
from cutout.measures.mae import mae
from cutout.measures.table import GROUPS


@dataclass(frozen=True)
class MaskPair:
    """A checked pair. `pred`, `truth`: (H, W) uint8; masks (H, W) bool; `valid` None or bool."""

    pred: np.ndarray
    truth: np.ndarray
    pred_mask: np.ndarray
    true_mask: np.ndarray
    valid: np.ndarray | None

    def without_ignored(self, array: np.ndarray) -> np.ndarray:
        """The array with ignored pixels set to background, for measures of neighbourhoods."""
        return array if self.valid is None else np.where(self.valid, array, array.dtype.type(0))


@dataclass(frozen=True)
class MeasuredValues:
    """`values` by measure name, and the curves behind set figures: name -> (256,) float64."""

    values: dict[str, float]
    curves: dict[str, np.ndarray]


def make_pair(
    pred: np.ndarray, truth: np.ndarray, threshold: int = THRESHOLD, ignore: int | None = None
) -> MaskPair:
    """Check two maps (H, W) uint8 and binarise them: subject is above the level `threshold`.

    ignore: a level of the true mask whose pixels do not count (128 in some sets). Measures of
    single pixels leave them out; measures of shape (S, E, weighted F, boundary, gradient,
    connectivity) see them as background in both.
    """
    check_maps(pred, truth)
    check_level(threshold, "threshold")
    if ignore is not None:
        check_level(ignore, "ignore")
    valid = None if ignore is None else truth != ignore
    return MaskPair(pred, truth, pred > threshold, truth > threshold, valid)


def _mask(pair: MaskPair) -> MeasuredValues:
    return MeasuredValues(count(pair.pred_mask, pair.true_mask, pair.valid).measures(), {})


def _paper(pair: MaskPair) -> MeasuredValues:
    pred = conventions.by_maximum(pair.pred)
    precision, recall = curves.precision_recall(pred, pair.true_mask, pair.valid)
    f = curves.f_measure(precision, recall)
    values = {
        "paper_max_f": float(f.max()),
        "paper_mean_f": float(f.mean()),
        "paper_mae": mae(pred, pair.true_mask, pair.valid),
    }
    return MeasuredValues(values, {"precision": precision, "recall": recall})


def _pysodmetrics(pair: MaskPair) -> MeasuredValues:
    pred = conventions.by_range(pair.pred)
    values = {"sod_mae": mae(pred, pair.true_mask, pair.valid)}
    pred, true_mask = pair.without_ignored(pred), pair.without_ignored(pair.true_mask)
    f, values["sod_adaptive_f"] = saliency.f_curve(pred, true_mask)
    e, values["sod_adaptive_e"] = saliency.e_curve(pred, true_mask)
    values["sod_weighted_f"] = saliency.weighted_f(pred, true_mask)
    values["sod_s"] = saliency.s_measure(pred, true_mask)
    values |= {"sod_max_f": float(f.max()), "sod_mean_f": float(f.mean())}
    values |= {"sod_max_e": float(e.max()), "sod_mean_e": float(e.mean())}
    return MeasuredValues(values, {"f": f, "e": e})


def _boundary(pair: MaskPair) -> MeasuredValues:
    pred_mask, true_mask = (
        pair.without_ignored(pair.pred_mask),
        pair.without_ignored(pair.true_mask),
    )
    values = {
        "boundary_iou": boundary.boundary_iou(pred_mask, true_mask),
        "boundary_iou_fine": boundary.boundary_iou(pred_mask, true_mask, boundary.FINE_BAND),
        "relaxed_boundary_f": boundary.relaxed_boundary_f(pred_mask, true_mask),
    }
    return MeasuredValues(values, {})


def _soft(pair: MaskPair) -> MeasuredValues:
    pred, truth = (
        pair.without_ignored(a).astype(np.float32) / 255 for a in (pair.pred, pair.truth)
    )
    values = {
        "sad": soft.sad(pred, truth, pair.valid),
        "mse": soft.mse(pred, truth, pair.valid),
        "gradient": soft.gradient(pred, truth, pair.valid),
        "connectivity": soft.connectivity(pred, truth, pair.valid),
    }
    return MeasuredValues(values, {})


_BY_GROUP: dict[str, Callable[[MaskPair], MeasuredValues]] = {
    "mask": _mask,
    "paper": _paper,
    "pysodmetrics": _pysodmetrics,
    "boundary": _boundary,
    "soft": _soft,
}


def score(pair: MaskPair, groups: tuple[str, ...] = GROUPS) -> MeasuredValues:
    """The measures of the named groups for one image, which is taken as a set of one."""
    for name in groups:
        if name not in _BY_GROUP:
            raise InvalidValue(
                f"The measures {name!r} are not known; choose from {', '.join(GROUPS)}.",
                field="measures",
                allowed=list(GROUPS),
            )
    parts = [_BY_GROUP[name](pair) for name in groups]
    values = {key: value for part in parts for key, value in part.values.items()}
    return MeasuredValues(
        values, {key: curve for part in parts for key, curve in part.curves.items()}
    )

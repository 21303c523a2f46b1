"""Masks, counts, curves, conventions and checks, against scikit-learn and slow loops."""

import numpy as np
import py_sod_metrics
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sklearn_metrics

from cutout import measures
from cutout.errors import InvalidValue, SizeMismatch

MASKS = arrays(bool, (5, 7))
MAPS = arrays(np.uint8, (5, 7))


def square(side, left, size=40):
    mask = np.zeros((size, size), bool)
    mask[5 : 5 + side, left : left + side] = True
    return mask


def blob(seed, shape=(48, 64)):
    """A soft map and a mask of the same disc, shifted, with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    soft = 1 / (1 + np.exp((np.hypot(y - 22, x - 30) - 14) / 2)) + rng.normal(0, 0.1, shape)
    truth = np.hypot(y - 24, x - 27) < 14
    return (soft.clip(0, 1) * 230 + 10).astype(np.uint8), truth.astype(np.uint8) * 255


@pytest.mark.parametrize("left, expected", [(5, 1.0), (10, 1 / 3), (20, 0.0)])
def test_iou_of_shifted_squares(left, expected):
    assert measures.iou(square(10, 5), square(10, left)) == pytest.approx(expected)


@given(MASKS, MASKS)
def test_ratios_agree_with_scikit_learn(pred, truth):
    ours = measures.count(pred, truth)
    agree = float((pred == truth).all())
    args = (truth.ravel(), pred.ravel())
    tn, fp, fn, tp = sklearn_metrics.confusion_matrix(*args, labels=[False, True]).ravel()
    assert (ours.tp, ours.fp, ours.fn, ours.tn) == (tp, fp, fn, tn)
    assert ours.pixel_accuracy == pytest.approx(sklearn_metrics.accuracy_score(*args))
    for value, theirs in [
        (ours.iou, sklearn_metrics.jaccard_score),
        (ours.dice, sklearn_metrics.f1_score),
        (ours.precision, sklearn_metrics.precision_score),
        (ours.recall, sklearn_metrics.recall_score),
    ]:
        assert value == pytest.approx(theirs(*args, zero_division=agree))
    inverse = (~truth.ravel(), ~pred.ravel())
    expected = sklearn_metrics.recall_score(*inverse, zero_division=agree)
    assert ours.specificity == pytest.approx(expected)


@pytest.mark.parametrize("name", ["iou", "dice", "precision", "recall"])
def test_two_empty_masks_agree_and_one_empty_mask_scores_zero(name):
    empty, some = square(0, 5), square(9, 5)
    assert getattr(measures.count(empty, empty), name) == 1
    assert getattr(measures.count(empty, some), name) == 0
    assert getattr(measures.count(some, empty), name) == 0


def test_specificity_without_background():
    full = np.ones((4, 4), bool)
    assert measures.count(full, full).specificity == 1
    assert measures.count(~full, full).specificity == 0


def slow_curves(pred, truth):
    rows = []
    for threshold in range(256):
        predicted = np.floor(pred * 255 + 1e-6) >= threshold
        correct = (predicted & truth).sum()
        precision = correct / predicted.sum() if predicted.any() else 1.0
        rows.append((precision, correct / truth.sum() if truth.any() else 1.0))
    return np.array(rows).T


@given(MAPS, MASKS)
def test_precision_and_recall_agree_with_a_slow_loop(pred, truth):
    normalised = measures.by_maximum(pred)
    ours = measures.precision_recall(normalised, truth)
    np.testing.assert_allclose(ours, slow_curves(normalised, truth))


def test_curves_are_those_of_the_published_formula():
    pred, truth = blob(1)
    levels, subject = pred / pred.max() * 255, truth > 128
    inside = np.histogram(levels[subject], bins=np.arange(0, 256))[0][::-1].cumsum()
    outside = np.histogram(levels[~subject], bins=np.arange(0, 256))[0][::-1].cumsum()
    precision = (inside + 1e-8) / (inside + outside + 1e-8)
    recall = (inside + 1e-8) / (subject.sum() + 1e-8)
    expected = (1.3 * precision * recall / (0.3 * precision + recall + 1e-8)).max()
    ours = measures.score(measures.make_pair(pred, truth), ("paper",)).values
    assert ours["paper_max_f"] == pytest.approx(expected, abs=1e-6)
    assert ours["paper_mae"] == pytest.approx(np.abs(levels / 255 - subject).mean())


def test_the_paper_averages_over_the_set_before_taking_f():
    shares = [np.array([[1.0], [0.2]]), np.array([[0.2], [1.0]])]
    mean = measures.MeanCurves()
    for curves in shares:
        mean.add(curves)
    over_the_set = measures.f_measure(*mean.mean())
    per_image = np.mean([measures.f_measure(*curves) for curves in shares])
    assert over_the_set == pytest.approx(0.6)
    assert per_image == pytest.approx((1.3 * 0.2 / 0.5 + 1.3 * 0.2 / 1.06) / 2)


def test_an_empty_set_has_no_mean():
    with pytest.raises(ValueError, match="No image"):
        measures.MeanCurves().mean()


@pytest.mark.parametrize("seed", range(4))
def test_pysodmetrics_convention_is_that_librarys_own(seed):
    pred, truth = blob(seed)
    ours = measures.score(measures.make_pair(pred, truth), ("pysodmetrics",)).values
    metrics = {
        "mae": py_sod_metrics.MAE(),
        "em": py_sod_metrics.Emeasure(),
        "sm": py_sod_metrics.Smeasure(),
        "wfm": py_sod_metrics.WeightedFmeasure(),
    }
    theirs = {}
    for metric in metrics.values():
        metric.step(pred, truth)
        theirs |= metric.get_results()
    assert ours["sod_mae"] == pytest.approx(theirs["mae"])
    assert ours["sod_s"] == pytest.approx(theirs["sm"])
    assert ours["sod_weighted_f"] == pytest.approx(theirs["wfm"])
    assert ours["sod_max_e"] == pytest.approx(theirs["em"]["curve"].max())
    assert ours["sod_adaptive_e"] == pytest.approx(theirs["em"]["adp"])


@pytest.mark.filterwarnings("ignore:This class will be removed")
def test_f_is_that_of_the_librarys_older_class():
    pred, truth = blob(7)
    metric = py_sod_metrics.Fmeasure()
    metric.step(pred, truth)
    theirs = metric.get_results()["fm"]
    curve, adaptive = measures.f_curve(measures.by_range(pred), truth > 128)
    np.testing.assert_allclose(curve, theirs["curve"][::-1])
    assert adaptive == pytest.approx(theirs["adp"])


def test_conventions_differ_on_a_map_that_does_not_fill_its_range():
    pred, truth = blob(3)
    values = measures.score(measures.make_pair(pred, truth)).values
    assert pred.min() > 0
    assert values["paper_mae"] > values["sod_mae"] + 0.01


def test_flat_maps_are_kept_and_not_divided_by_zero():
    flat = np.full((3, 3), 51, np.uint8)
    assert measures.by_range(flat) == pytest.approx(0.2)
    assert measures.by_maximum(flat) == pytest.approx(1)
    assert measures.by_maximum(flat * 0) == pytest.approx(0)


def test_ignored_pixels_change_no_measure():
    pred, truth = blob(5)
    truth[10:20, 20:40] = 128
    other = pred.copy()
    other[12:18, 22:38] = 255 - other[12:18, 22:38].clip(20, 230)
    first, second = (
        measures.score(measures.make_pair(map8, truth, ignore=128)).values for map8 in (pred, other)
    )
    assert first == pytest.approx(second)
    counted = [first[name] for name in ("tp", "fp", "fn", "tn")]
    assert sum(counted) == truth.size - 200


@given(MAPS, MAPS, st.booleans())
def test_every_measure_lies_in_its_range(pred, truth, ignore):
    measured = measures.score(measures.make_pair(pred, truth, ignore=128 if ignore else None))
    assert set(measures.MEASURES) <= set(measured.values)
    assert set(measured.curves) == set(measures.CURVES)
    # The reference code divides E by n - 1: of 35 pixels, 35/34 is the most.
    for name, row in measures.MEASURES.items():
        top = np.inf if row.group == "soft" else 35 / 34 + 1e-9
        assert 0 <= measured.values[name] <= top, name


@pytest.mark.parametrize("name, row", measures.MEASURES.items())
def test_a_perfect_map_scores_best_and_a_reversed_one_worse(name, row):
    truth = blob(0)[1]
    best, worst = (
        measures.score(measures.make_pair(pred, truth), (row.group,)).values[name]
        for pred in (truth, 255 - truth)
    )
    assert best == pytest.approx(1 if row.higher_is_better else 0, abs=1e-3) or "mean" in name
    assert (best > worst) == row.higher_is_better


def test_sizes_that_differ_are_named_width_first():
    with pytest.raises(SizeMismatch, match=r"64.48 pixels and the true mask 8.4") as caught:
        measures.make_pair(blob(0)[0], np.zeros((4, 8), np.uint8))
    assert caught.value.extra == {"prediction": [64, 48], "mask": [8, 4]}


@pytest.mark.parametrize(
    "pred, truth",
    [
        (np.zeros((4, 4)), np.zeros((4, 4), np.uint8)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8)),
        ([[0]], np.zeros((1, 1), np.uint8)),
    ],
)
def test_what_is_no_8_bit_map_is_refused(pred, truth):
    with pytest.raises(InvalidValue):
        measures.make_pair(pred, truth)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1])
def test_alphas_out_of_range_are_refused(bad):
    alpha = np.full((3, 3), 0.5, np.float32)
    alpha[1, 1] = bad
    with pytest.raises(InvalidValue):
        measures.sad(alpha, np.zeros_like(alpha))
    with pytest.raises(InvalidValue):
        measures.mae(alpha, alpha > 0.5)


@pytest.mark.parametrize("level", [-1, 256, 0.5, True])
def test_levels_out_of_range_are_refused(level):
    map8 = np.zeros((2, 2), np.uint8)
    with pytest.raises(InvalidValue):
        measures.make_pair(map8, map8, threshold=level)


@pytest.mark.parametrize("alpha, level", [(0, 0), (0.25, 64), (0.5, 128), (0.998, 254), (1, 254)])
def test_a_threshold_in_alpha_becomes_a_level(alpha, level):
    assert measures.level_of(alpha) == level
    assert measures.level_of(0.5) == measures.THRESHOLD


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_never_gives_a_lower_level(first, second):
    lower, higher = sorted((first, second))
    assert measures.level_of(lower) <= measures.level_of(higher)


@given(st.integers(0, 254))
def test_every_level_below_the_highest_can_be_chosen(level):
    assert measures.level_of(level / 255) == level


def test_the_end_thresholds_keep_all_visible_and_all_opaque_pixels():
    map8 = np.array([[0, 1, 254, 255]], np.uint8)
    for alpha, expected in ((0.0, [0, 1, 1, 1]), (1.0, [0, 0, 0, 1])):
        pair = measures.make_pair(map8, map8, measures.level_of(alpha))
        np.testing.assert_array_equal(pair.pred_mask[0], np.array(expected, bool))


@pytest.mark.parametrize("alpha", [-0.001, 1.001, 128, float("nan"), float("inf")])
def test_thresholds_outside_0_to_1_are_refused(alpha):
    with pytest.raises(InvalidValue, match="from 0 to 1"):
        measures.level_of(alpha)


def test_unknown_groups_are_refused_with_what_is_allowed():
    map8 = np.zeros((2, 2), np.uint8)
    with pytest.raises(InvalidValue) as caught:
        measures.score(measures.make_pair(map8, map8), ("maks",))
    assert caught.value.extra["allowed"] == list(measures.GROUPS)


def test_overlay_paints_the_three_kinds_of_pixels_apart():
    rgb = np.full((2, 2, 3), 100, np.uint8)
    pred, truth = np.array([[1, 0], [1, 0]], bool), np.array([[1, 1], [0, 0]], bool)
    painted = measures.overlay(rgb, pred, truth)
    assert len({tuple(pixel) for pixel in painted.reshape(-1, 3)}) == 4
    assert painted[0, 0].argmax() == 2, "true is blue"
    assert painted[1, 0].argmax() == 0, "wrongly kept is vermilion"
    with pytest.raises(SizeMismatch):
        measures.overlay(rgb[:1], pred, truth)


def test_a_subject_in_the_last_column_has_a_structure_score():
    truth = np.zeros((6, 8), bool)
    truth[:, -1] = True
    assert measures.s_measure(truth.astype(float), truth) == pytest.approx(1)
    assert 0 <= measures.s_measure(1.0 - truth, truth) < 0.5

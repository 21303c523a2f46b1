import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cutout import quality
from cutout.quality import features
from cutout.quality.predicted import logistic


def disc(soft=2.0, radius=60, size=320):
    """Scores of a disc, (size, size) float32, its edge a ramp of `soft` px either side."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - size / 2, x - size / 2) - radius
    return np.clip(0.5 - distance / (2 * soft), 0, 1).astype(np.float32)


def with_uncertain_square(level, side=40):
    """A certain disc and, apart from it, a square that the model gives `level`."""
    scores = disc()
    scores[10 : 10 + side, 10 : 10 + side] = level
    return scores


def test_soft_iou_by_hand():
    mask = np.array([[True, True, False, False]])
    alpha = np.array([[1.0, 0.6, 0.4, 0.0]])
    assert features.soft_iou(mask, alpha) == pytest.approx(1.6 / 2.4)


def test_soft_iou_of_empty_maps_is_zero():
    assert features.soft_iou(np.zeros((4, 4), bool), np.zeros((4, 4))) == 0


def test_thick_uncertainty_by_hand():
    alpha = np.zeros((320, 320))
    alpha[40:60, 40:60] = 0.5
    mask = np.zeros((320, 320), bool)
    mask[100:150, 100:150] = True
    # 10 x 10 cells of half the size, 8 x 8 after the erosion, four pixels of full uncertainty each
    assert features.thick_uncertainty(mask, alpha) == pytest.approx(8 * 8 * 4 / 50**2)


def test_a_soft_edge_has_no_thick_uncertainty():
    alpha = disc(soft=1.5)
    assert features.thick_uncertainty(alpha > 0.5, alpha) < 0.001


@pytest.mark.parametrize("views", [False, True])
def test_more_uncertainty_never_predicts_a_higher_iou(views):
    maps = [with_uncertain_square(level) for level in (0.0, 0.1, 0.2, 0.3, 0.4)]
    predictions = [quality.predicted_iou(one, [one, one] if views else []) for one in maps]
    assert predictions == sorted(predictions, reverse=True)
    assert predictions[0] > predictions[-1] + 0.05


def test_more_disagreement_never_predicts_a_higher_iou():
    predictions = []
    for shift in (0, 10, 20, 40, 80):
        views = [disc(), np.roll(disc(), shift, axis=1)]
        predictions.append(quality.predicted_iou(np.mean(views, axis=0), views))
    assert predictions == sorted(predictions, reverse=True)
    assert predictions[0] > predictions[-1] + 0.2


@pytest.mark.parametrize("size", [256, 384, 512])
def test_the_size_of_the_map_hardly_matters(size):
    scaled = disc(soft=2 * size / 320, radius=60 * size / 320, size=size)
    assert quality.predicted_iou(scaled) == pytest.approx(quality.predicted_iou(disc()), abs=0.03)


# The machine may be busy: a deadline would test it, not the code.
@given(arrays(np.float32, (32, 32), elements=st.floats(0, 1, width=32)))
def test_any_map_gets_a_number_between_0_and_1(scores):
    assert 0 <= quality.predicted_iou(scores) <= 1
    assert 0 <= quality.predicted_iou(scores, [scores, scores[:, ::-1]]) <= 1


def test_a_map_without_a_subject_predicts_zero():
    assert quality.signals(disc() * 0.05).predicted_iou == 0


@given(st.floats(-6, 6), st.floats(-1, 7), st.floats(0, 3), st.sampled_from([0, 1]))
@pytest.mark.parametrize("fitted", [quality.fitted.STANDARD, quality.fitted.BEST])
def test_a_larger_feature_never_predicts_a_lower_iou(fitted, expected, certainty, more, which):
    values = [expected, certainty]
    larger = [value + more * (place == which) for place, value in enumerate(values)]
    assert logistic(fitted, larger) >= logistic(fitted, values)


@pytest.mark.parametrize("fitted", [quality.fitted.STANDARD, quality.fitted.BEST])
def test_the_fit_tells_the_best_map_from_the_worst(fitted):
    """The ends of what the features can be: a decided map, and one that is half all over."""
    best = [features.logit(1), -np.log(features.UNCERTAINTY_FLOOR)]
    worst = [features.logit(0), -np.log(features.UNCERTAINTY_FLOOR + 4 * 320 * 320)]
    assert logistic(fitted, best) > 0.95
    assert logistic(fitted, worst) < 0.05


@pytest.mark.parametrize("shape", [(240, 320), (320, 60), (1, 320), (1, 1)])
def test_a_map_without_its_padding_need_not_be_square(shape):
    scores = disc()[: shape[0], : shape[1]]
    predictions = quality.signals(scores, [scores, scores])
    assert 0 <= predictions.predicted_iou <= 1
    assert predictions.coverage == pytest.approx((scores > 0.5).mean(), abs=0.001)

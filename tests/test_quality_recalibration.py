import json

import numpy as np
import pytest

from cutout import quality
from cutout.errors import ConfigurationError, InvalidValue
from cutout.quality import Recalibration, fit_recalibration, read_recalibration, write_recalibration


def off_by(shift, images=200, seed=0):
    """Predictions, and measured values that lie on a curve shifted from them, with noise."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0.3, 0.95, images)
    lines = np.log(predicted / (1 - predicted)) + shift
    noise = rng.normal(0, 0.02, images)
    return predicted, np.clip(1 / (1 + np.exp(-lines)) + noise, 0, 1)


@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.8])
def test_the_calibrated_mean_is_that_of_the_images(shift):
    predicted, measured = off_by(shift)
    fitted = fit_recalibration(predicted, measured)
    after = [fitted.apply(one) for one in predicted]
    assert np.mean(after) == pytest.approx(measured.mean(), abs=0.02)
    assert fitted.images == 200


def test_the_order_of_images_stays():
    predicted, measured = off_by(0.5)
    # The worst case: measured falls where the prediction rises.
    fitted = fit_recalibration(predicted, measured[np.argsort(predicted)[::-1].argsort()][::-1])
    assert fitted.slope > 0
    after = [fitted.apply(one) for one in np.sort(predicted)]
    assert after == sorted(after)


def test_images_without_a_subject_do_not_count_and_stay_at_zero():
    predicted, measured = off_by(0.5)
    more = np.append(predicted, [0, 0]), np.append(measured, [0.9, 0.9])
    assert fit_recalibration(*more) == fit_recalibration(predicted, measured)
    assert fit_recalibration(predicted, measured).apply(0) == 0


def test_few_images_are_refused():
    with pytest.raises(InvalidValue, match="20"):
        fit_recalibration(*off_by(0.5, images=19))


def test_one_after_the_other_is_both():
    first, second = Recalibration(0.3, 1.2, 50), Recalibration(-0.5, 0.8, 60)
    both = second.after(first)
    assert both.apply(0.7) == pytest.approx(second.apply(first.apply(0.7)))


def test_a_written_file_is_read_again(tmp_path):
    path = tmp_path / "calibration.json"
    write_recalibration(path, Recalibration(0.25, 1.5, 40))
    assert read_recalibration(path) == Recalibration(0.25, 1.5, 40)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"intercept": 0, "slope": 1, "images": 9, "more": 1}', "nonsense"]
    + [
        json.dumps({"intercept": low, "slope": high, "images": 5})
        for low, high in ((0, 0), (0, -1))
    ]
    + [
        '{"intercept": NaN, "slope": 1, "images": 5}',
        '{"intercept": null, "slope": 1, "images": 5}',
    ],
)
def test_a_file_that_is_no_calibration_is_refused_without_its_folder(tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"wrong\.json") as error:
        read_recalibration(path)
    assert str(tmp_path) not in error.value.detail


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        read_recalibration(tmp_path / "none.json")


def test_signals_are_calibrated_and_flags_follow():
    scores = np.zeros((64, 64), np.float32)
    scores[20:40, 20:40] = 1
    plain = quality.signals(scores)
    lower = quality.signals(scores, recalibration=Recalibration(-5, 1, 30))
    assert lower.predicted_iou < 0.3 < plain.predicted_iou
    assert "low_confidence" in lower.flags
    assert "low_confidence" not in plain.flags

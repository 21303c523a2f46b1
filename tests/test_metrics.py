"""Two files in, one dictionary out."""

import numpy as np
import pytest
from PIL import Image

from cutout.errors import EmptyFile, InvalidValue, SizeMismatch, UndecodableImage, UnsupportedType
from metrics import compute_metrics


def save(path, array):
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def truth(tmp_path):
    mask = np.zeros((10, 20), np.uint8)
    mask[:, :10] = 255
    return save(tmp_path / "truth.png", mask)


def test_the_figures_of_a_soft_map(tmp_path, truth):
    levels = np.zeros((10, 20), np.uint8)
    levels[:, :5], levels[:, 5:10], levels[:, 10:15] = 129, 128, 255
    result = compute_metrics(save(tmp_path / "map.png", levels), truth)
    counts = {"tp": 50, "fp": 50, "fn": 50, "tn": 50, "threshold": 0.5}
    assert {name: result[name] for name in counts} == counts
    assert result["iou"] == pytest.approx(1 / 3)
    for name in ("dice", "precision", "recall", "pixel_accuracy"):
        assert result[name] == pytest.approx(0.5)
    assert all(type(value) in (int, float) for value in result.values())


def test_a_cutout_is_judged_by_its_alpha(tmp_path, truth):
    cutout = np.zeros((10, 20, 4), np.uint8)
    cutout[:, :10, 3] = 255
    assert compute_metrics(save(tmp_path / "cutout.png", cutout), truth)["iou"] == 1


def test_the_threshold_is_the_callers(tmp_path, truth):
    faint = save(tmp_path / "faint.png", np.full((10, 20), 60, np.uint8))
    assert compute_metrics(faint, truth)["tp"] == 0
    assert compute_metrics(str(faint), str(truth), threshold=59 / 255)["tp"] == 100
    with pytest.raises(InvalidValue):
        compute_metrics(faint, truth, threshold=128)


def test_two_empty_masks_agree(tmp_path):
    empty = save(tmp_path / "empty.png", np.zeros((4, 4), np.uint8))
    result = compute_metrics(empty, empty)
    assert result["iou"] == result["dice"] == result["precision"] == result["recall"] == 1


def test_sizes_that_differ_name_both(tmp_path, truth):
    with pytest.raises(SizeMismatch, match=r"8.4 pixels and the true mask 20.10"):
        compute_metrics(save(tmp_path / "small.png", np.zeros((4, 8), np.uint8)), truth)


def test_a_missing_file_is_not_found(tmp_path, truth):
    with pytest.raises(FileNotFoundError):
        compute_metrics(tmp_path / "none.png", truth)


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"no image", UnsupportedType),
        (b"\x89PNG\r\n\x1a\n but cut", UndecodableImage),
        (b"", EmptyFile),
    ],
)
def test_an_unreadable_file_is_refused_with_a_typed_error(tmp_path, truth, content, expected):
    unreadable = tmp_path / "unreadable.png"
    unreadable.write_bytes(content)
    with pytest.raises(expected) as caught:
        compute_metrics(unreadable, truth)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_image_is_refused(tmp_path, truth):
    truth.write_bytes(truth.read_bytes()[:-30])
    with pytest.raises(UndecodableImage):
        compute_metrics(truth, truth)

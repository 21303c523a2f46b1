import numpy as np
import pytest

from cutout import quality
from cutout.quality import View
from cutout.quality.maps import resized

PAIR = (View(320), View(320, mirror=True))
TWO_SIZES = (View(320), View(384))
THREE = quality.best_views(320)


def random_map(size, seed=0):
    return np.random.default_rng(seed).random((size, size), np.float32)


def test_a_mirrored_view_is_the_image_mirrored_and_contiguous():
    tensor = np.random.default_rng(0).random((3, 320, 320), np.float32)
    straight, mirrored = quality.tensors(lambda size: tensor, PAIR)
    np.testing.assert_array_equal(straight, tensor)
    np.testing.assert_array_equal(mirrored, tensor[:, :, ::-1])
    assert mirrored.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("size, larger", [(320, 384), (384, 448), (512, 608)])
def test_best_adds_a_mirrored_view_and_a_larger_one_that_the_model_accepts(size, larger):
    views = quality.best_views(size)
    assert [(view.size, view.mirror) for view in views] == [
        (size, False),
        (size, True),
        (larger, True),
    ]
    assert larger % 32 == 0


def test_models_with_one_large_size_are_only_mirrored():
    assert quality.best_views(1024) == (View(1024), View(1024, mirror=True))


def test_an_image_is_prepared_once_a_size():
    asked = []

    def prepare(size):
        asked.append(size)
        return np.zeros((3, size, size), np.float32)

    inputs = quality.tensors(prepare, (*PAIR, View(384), View(384, mirror=True)))
    assert sorted(asked) == [320, 384]
    assert [tensor.shape[-1] for tensor in inputs] == [320, 320, 384, 384]


def test_views_of_a_model_that_ignores_them_merge_to_its_own_map():
    scores = random_map(320)
    merged = quality.merge([scores, scores[:, ::-1]], PAIR)
    np.testing.assert_allclose(merged, scores, atol=1e-7)


def test_views_that_agree_on_a_side_give_their_mean_there():
    rng = np.random.default_rng(1)
    subject = np.zeros((32, 32), bool)
    subject[8:24, 8:24] = True
    left, right = (np.where(subject, 0.8, 0.0) + 0.2 * rng.random((32, 32)) for _ in range(2))
    # Their weights differ a little, as their predicted IoUs do.
    np.testing.assert_allclose(quality.voted([left, right], PAIR), (left + right) / 2, atol=0.01)


@pytest.mark.parametrize("level", [0.0, 0.03, 0.4, 1.0])
def test_flat_views_make_a_flat_map_of_their_level(level):
    flat = np.full((32, 32), level, np.float32)
    merged = quality.voted([flat, flat, flat], THREE)
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged, level, atol=1e-6)


def found_by(*names):
    """Maps (32, 32) of the three views of best: a part is 0.9 where a view is named, else 0.1.

    The top is found by all and the bottom by none, so that the vote has its full range.
    """
    maps = []
    for name in ("straight", "mirrored", "larger"):
        one = np.full((32, 32), 0.9 if name in names else 0.1, np.float32)
        one[:8], one[-8:] = 1, 0
        maps.append(one)
    return maps


@pytest.mark.parametrize(
    "names, value",
    [
        (("straight",), 0.9),
        (("mirrored", "larger"), 0.9),
        (("straight", "mirrored", "larger"), 0.9),
        ((), 0.1),
    ],
)
def test_a_part_stays_when_the_straight_view_or_both_others_found_it(names, value):
    merged = quality.voted(found_by(*names), THREE)
    np.testing.assert_allclose(merged[8:-8], value, atol=1e-6)
    assert (merged[:8] == 1).all() and (merged[-8:] == 0).all()


def disc_and_part(part, ground=0.0):
    """A map (320, 320): a disc at 1, and beside it a part at the level given."""
    y, x = np.mgrid[:320, :320]
    one = np.where((y - 160) ** 2 + (x - 110) ** 2 < 60**2, 1, ground)
    one[110:210, 210:270] = part
    return np.float32(one)


@pytest.mark.parametrize("alone", [1, 2])
def test_one_other_view_alone_decides_only_when_it_is_more_certain(alone):
    part = np.s_[120:200, 220:260]
    maps = [disc_and_part(0.05)] * 3
    maps[alone] = disc_and_part(0.7, ground=0.1)
    assert quality.voted(maps, THREE)[part].max() < 0.2
    maps = [disc_and_part(0.3, ground=0.2)] * 3
    maps[alone] = disc_and_part(1)
    assert quality.voted(maps, THREE)[part].min() > 0.9


def test_where_two_equal_views_disagree_the_subject_keeps_the_part():
    merged = quality.voted(found_by("straight")[:2], PAIR)
    np.testing.assert_allclose(merged[8:-8], 0.9, atol=1e-6)


def test_a_larger_view_is_brought_to_the_first_ones_size():
    y, x = np.mgrid[:384, :384] / 384
    larger = np.float32(0.5 + 0.5 * np.sin(6 * x) * np.cos(5 * y))
    y, x = np.mgrid[:320, :320] / 320
    smaller = np.float32(0.5 + 0.5 * np.sin(6 * x) * np.cos(5 * y))
    merged = quality.merge([smaller, larger], TWO_SIZES)
    assert merged.shape == (320, 320)
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged, smaller, atol=0.01)


def test_a_view_that_found_nothing_does_not_dominate():
    strong, faint = random_map(320) * 0.01, random_map(320, 1) * 0.01
    strong[100:200, 100:200] = 1
    merged = quality.merge([strong, faint], PAIR)
    assert merged[0:90].max() < 0.02


@pytest.mark.parametrize("size", [160, 256, 320, 384, 512])
def test_resizing_keeps_constants_and_range(size):
    flat = resized(np.full((320, 320), 0.25, np.float32), size)
    np.testing.assert_allclose(flat, 0.25, atol=1e-6)
    noise = resized(random_map(320), size)
    assert noise.shape == (size, size)
    assert 0 <= noise.min() <= noise.max() <= 1 + 1e-6


def test_halving_averages_what_it_covers():
    stripes = np.zeros((320, 320), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(resized(stripes, 160)[1:-1, 1:-1], 0.5, atol=1e-6)


def test_a_missing_view_is_an_error():
    with pytest.raises(ValueError, match="longer"):
        quality.merge([random_map(320)], PAIR)

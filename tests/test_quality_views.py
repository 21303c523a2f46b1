import numpy as np
import pytest

from cutout import quality
from cutout.quality import View
from cutout.quality.maps import resized

PAIR = quality.best_views(320)
TWO_SIZES = (View(320), View(384))


def random_map(size, seed=0):
    return np.random.default_rng(seed).random((size, size), np.float32)


def test_a_mirrored_view_shows_the_picture_mirrored_and_contiguous():
    tensor = np.random.default_rng(0).random((3, 320, 320), np.float32)
    straight, mirrored = quality.tensors(lambda size: tensor, PAIR)
    np.testing.assert_array_equal(straight, tensor)
    np.testing.assert_array_equal(mirrored, tensor[:, :, ::-1])
    assert mirrored.flags["C_CONTIGUOUS"]


def test_best_looks_twice_at_the_size_it_is_given():
    assert quality.best_views(384) == (View(384), View(384, mirror=True))


def test_a_picture_is_prepared_once_a_size():
    asked = []

    def prepare(size):
        asked.append(size)
        return np.zeros((3, size, size), np.float32)

    looks = quality.tensors(prepare, (*PAIR, View(384), View(384, mirror=True)))
    assert sorted(asked) == [320, 384]
    assert [look.shape[-1] for look in looks] == [320, 320, 384, 384]


def test_views_of_a_model_that_ignores_them_merge_to_its_own_map():
    scores = random_map(320)
    merged = quality.merge([scores, scores[:, ::-1]], PAIR)
    np.testing.assert_allclose(merged, scores, atol=1e-7)


def test_merged_scores_are_the_mean_of_the_aligned_views():
    left, right = random_map(320, 1), random_map(320, 2)
    expected = (left + right[:, ::-1]) / 2
    np.testing.assert_allclose(quality.merge([left, right], PAIR), expected, atol=1e-6)


def test_a_larger_view_is_brought_to_the_first_ones_size():
    y, x = np.mgrid[:384, :384] / 384
    larger = np.float32(0.5 + 0.5 * np.sin(6 * x) * np.cos(5 * y))
    y, x = np.mgrid[:320, :320] / 320
    smaller = np.float32(0.5 + 0.5 * np.sin(6 * x) * np.cos(5 * y))
    merged = quality.merge([smaller, larger], TWO_SIZES)
    assert merged.shape == (320, 320)
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged, smaller, atol=0.01)


def test_a_view_that_found_nothing_does_not_shout():
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

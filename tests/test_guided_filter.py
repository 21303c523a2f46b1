"""The local linear fit: an exact recovery, and slow direct formulas as oracles."""

import numpy as np
import pytest

from cutout.guided_filter import apply_fit, local_fit
from cutout.pixels import sample, sample_scaled

RNG = np.random.default_rng(3)


def test_a_linear_matte_is_recovered():
    guide = RNG.random((40, 50, 3), np.float32)
    target = guide @ np.float32([0.2, -0.3, 0.5]) + np.float32(0.25)
    fit = local_fit(guide, target, np.ones_like(target), 4, 1e-6)
    np.testing.assert_allclose(apply_fit(guide, fit), target, atol=1e-3)


def test_a_weighted_fit_ignores_what_has_no_weight():
    guide = RNG.random((40, 50, 3), np.float32)
    target = guide @ np.float32([0.2, -0.3, 0.5])
    wrong = RNG.random(target.shape) < 0.3
    weight = np.where(wrong, np.float32(1e-6), np.float32(1))
    fit = local_fit(guide, np.where(wrong, np.float32(1), target), weight, 5, 1e-6)
    np.testing.assert_allclose(apply_fit(guide, fit), target, atol=1e-2)


def test_one_window_agrees_with_ridge_regression():
    guide, epsilon = RNG.random((5, 5, 3), np.float32), 0.01
    target, weight = RNG.random((2, 5, 5), np.float32)
    fit = local_fit(
        np.pad(guide, ((40, 40), (40, 40), (0, 0)), "wrap"),
        *(np.pad(plane, 40, "wrap") for plane in (target, weight)),
        2,
        epsilon,
    )
    # Every 5 x 5 window of this tiling holds the same 25 pixels, so all fits are the same one.
    colours = guide.reshape(-1, 3).astype(float)
    share = (weight / weight.sum()).ravel().astype(float)
    centred = colours - share @ colours
    slopes = np.linalg.solve(
        centred.T @ (centred * share[:, None]) + epsilon * np.eye(3),
        centred.T @ (share * target.ravel()),
    )
    np.testing.assert_allclose(fit[42, 42, :3], slopes, rtol=1e-3, atol=1e-4)


def test_a_grey_image_gives_finite_coefficients():
    guide = np.repeat(RNG.random((30, 30, 1), np.float32), 3, axis=2)
    target = RNG.random((30, 30), np.float32)
    fit = local_fit(guide, target, np.ones_like(target), 3, 1e-4)
    assert np.isfinite(fit).all()
    assert np.abs(apply_fit(guide, fit)).max() < 3


def test_sampling_reads_pixels_at_whole_positions_and_the_border_outside():
    image = RNG.random((6, 7, 4), np.float32)
    rows, columns = np.array([0, 5, 2.0, -3]), np.array([0, 6, 3.0, 20])
    expected = image[[0, 5, 2, 0], [0, 6, 3, 6]]
    np.testing.assert_allclose(sample(image, rows, columns), expected)
    assert sample(image, rows[:0], columns[:0]).shape == (0, 4)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_scaled_sampling_keeps_pixel_centres(factor):
    ramp = np.arange(10, dtype=np.float32)
    small = np.dstack(np.meshgrid(ramp, ramp))
    rows, columns = np.array([4 * factor + factor // 2] * 2), np.array([0, 5 * factor])
    values = sample_scaled(small, rows, columns, (10 * factor, 10 * factor))
    expected = np.clip((columns + 0.5) / factor - 0.5, 0, 9)
    np.testing.assert_allclose(values[:, 0], expected, atol=0.04)


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_a_tall_image_is_fitted_in_chunks_without_seams(radius, monkeypatch):
    guide = RNG.random((200, 30, 3), np.float32)
    target, weight = RNG.random((2, 200, 30), np.float32)
    chunks = local_fit(guide, target, weight + 0.1, radius, 0.01)
    monkeypatch.setattr("cutout.guided_filter.CHUNK_ROWS", 200)
    whole = local_fit(guide, target, weight + 0.1, radius, 0.01)
    np.testing.assert_allclose(chunks, whole, atol=1e-4)

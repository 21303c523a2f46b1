"""Foreground colours: exact outside the soft band, near the truth inside."""

import cv2
import numpy as np
import pytest

from cutout.matting.foreground import decontaminate


def composite(size=400, width=12):
    """An image mixed from known colours, its alpha, and the foreground that went in."""
    rows, columns = np.mgrid[:size, :size]
    alpha = np.clip(0.5 + (size / 3 - np.hypot(rows - size / 2, columns - size / 2)) / width, 0, 1)
    alpha = alpha.astype(np.float32)
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(0, 120, (size, size, 3)), (0, 0), 6)
    front = np.clip(np.array([180, 120, 80]) + texture, 0, 255)
    back = np.clip(np.array([20, 200, 40]) + texture[::-1], 0, 255)
    mixed = alpha[..., None] * front + (1 - alpha[..., None]) * back
    return np.rint(mixed).astype(np.uint8), alpha, front


def test_the_halo_is_mostly_gone():
    rgb, alpha, front = composite()
    band = (alpha > 0.05) & (alpha < 0.95)
    before = np.abs(rgb - front)[band].mean()
    assert np.abs(decontaminate(rgb, alpha) - front)[band].mean() < 0.3 * before


def test_solid_and_clear_pixels_keep_every_bit():
    rgb, alpha, _ = composite()
    before = rgb.copy()
    out = decontaminate(rgb, alpha)
    outside = (alpha <= 0.01) | (alpha >= 0.99)
    np.testing.assert_array_equal(out[outside], rgb[outside])
    np.testing.assert_array_equal(rgb, before)


def test_the_result_mixes_to_the_observed_colours():
    rgb, alpha, _ = composite()
    flat = np.where(np.arange(400)[:, None, None] >= 0, np.uint8(90), rgb)
    np.testing.assert_allclose(decontaminate(flat, alpha), flat, atol=1)


@pytest.mark.parametrize("value", [0, 0.5, 1])
@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (2100, 3)])
def test_uniform_mattes_of_any_shape(value, shape):
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    out = decontaminate(rgb, np.full(shape, value, np.float32))
    assert out.shape == rgb.shape and out.dtype == np.uint8
    if value != 0.5:
        np.testing.assert_array_equal(out, rgb)


def test_a_bright_pure_pixel_in_a_soft_area_draws_no_square():
    rgb = np.full((121, 121, 3), (120, 70, 40), np.uint8)
    alpha = np.full((121, 121), 0.3, np.float32)
    rgb[:, :20], alpha[:, :20] = (60, 60, 60), 0
    rgb[60, 60], alpha[60, 60] = (255, 220, 60), 0.95
    across = decontaminate(rgb, alpha)[62, 45:76, 0].astype(int)
    assert across.max() > 230
    assert np.abs(np.diff(across)).max() < 20

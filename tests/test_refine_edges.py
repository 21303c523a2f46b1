"""Snapping: an edge drawn in the image is found again from a coarse, displaced map."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutout.measures import boundary_iou
from cutout.refine.edges import snap_edges

MODES = pytest.mark.parametrize("mode", ["off", "snap", "auto"])


def scene(size=960, noise=4):
    """A red disc on green at `size`, its exact mask, and the map a 320-cell model would give."""
    rows, columns = np.mgrid[:size, :size]
    mask = np.hypot(rows - size / 2, columns - size / 2) < size / 4
    rgb = np.where(mask[..., None], (200, 60, 50), (40, 150, 60))
    rgb = rgb + np.random.default_rng(0).normal(0, noise, rgb.shape)
    cells = cv2.resize(mask.astype(np.float32), (320, 320), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (0, 0), 1)
    alpha = np.clip(cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC), 0, 1)
    return np.clip(rgb, 0, 255).astype(np.uint8), mask, alpha


def errors(alpha, mask):
    return np.abs(alpha - mask).sum()


@pytest.mark.parametrize("mode", ["snap", "auto"])
@pytest.mark.parametrize("shift", [0, 2])
def test_a_soft_displaced_map_snaps_to_the_edge_of_the_image(mode, shift):
    rgb, mask, alpha = scene()
    alpha = np.roll(alpha, shift, axis=1)
    assert errors(snap_edges(rgb, alpha, mode), mask) < 0.6 * errors(alpha, mask)


@MODES
@settings(max_examples=20)
@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_shape_and_range_at_any_size(mode, height, width, seed):
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    alpha = rng.random((height, width), np.float32)
    out = snap_edges(rgb, alpha, mode)
    assert out.shape == alpha.shape and out.dtype == np.float32
    assert 0 <= out.min() <= out.max() <= 1


@MODES
@pytest.mark.parametrize("value", [0, 1])
def test_an_empty_and_a_full_matte_stay(mode, value):
    rgb = scene(64)[0]
    alpha = np.full((64, 64), value, np.float32)
    np.testing.assert_array_equal(snap_edges(rgb, alpha, mode), alpha)


@MODES
def test_certain_pixels_stay_bit_for_bit(mode):
    rgb, _, alpha = scene()
    sure = (alpha <= 0.01) | (alpha >= 0.99)
    np.testing.assert_array_equal(snap_edges(rgb, alpha, mode)[sure], alpha[sure])


def test_off_is_the_map_itself():
    rgb, _, alpha = scene(64)
    assert snap_edges(rgb, alpha, "off") is alpha


def test_an_image_of_one_colour_moves_no_edge():
    _, mask, alpha = scene()
    flat = np.full((*mask.shape, 3), 90, np.uint8)
    out = snap_edges(flat, alpha, "snap")
    assert ((out > 0.5) != (alpha > 0.5)).mean() < 0.002


@pytest.mark.weights
@pytest.mark.parametrize("name, gain", [("alphamatting14/image/GT06.png", 0.05), ("carvana8", 0)])
def test_photographs_of_hair_gain_and_of_hard_edges_do_not_lose(data_dir, u2net, name, gain):
    path = data_dir / name
    path = path if path.is_file() else sorted((path / "image").iterdir())[0]
    rgb = np.asarray(Image.open(path).convert("RGB"))
    truth = np.asarray(Image.open(path.parent.parent / "mask" / f"{path.stem}.png").convert("L"))
    alpha = u2net.finish(u2net.infer_one(u2net.prepare(rgb)), rgb.shape[:2])
    before, after = (
        boundary_iou(snap_edges(rgb, alpha, mode) > 0.5, truth > 128, 0.005)
        for mode in ("off", "auto")
    )
    assert after >= before + gain


@pytest.mark.parametrize("size, alike", [(300, True), (960, False)])
def test_wide_windows_count_only_where_the_image_is_finer_than_the_map(size, alike):
    rgb, _, alpha = scene(size)
    narrow, wide = snap_edges(rgb, alpha, "snap"), snap_edges(rgb, alpha, "auto")
    assert np.array_equal(narrow, wide) == alike

"""Outlines and soft masks, against OpenCV and slow loops."""

import cv2
import numpy as np
import pytest
from scipy import ndimage, signal

from cutout import measures
from cutout.measures.boundary import inner_band


def masks(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(2, 60, 80)), (0, 6, 6))
    return noise[0] > 0, noise[0] + 0.3 * noise[1] > 0


def alphas(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(2, 24, 30)), (0, 2, 2)) * 5
    return [(0.5 + a).clip(0, 1).astype(np.float32) for a in (noise[0], noise[0] + noise[1] / 3)]


def reference_band(mask, width_px):
    """The band as the authors compute it: a zero frame, then repeated square erosion."""
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=width_px)[1:-1, 1:-1]
    return mask & (eroded == 0)


@pytest.mark.parametrize("width_px", [1, 2, 7, 50])
def test_the_band_is_that_of_repeated_erosion(width_px):
    mask = masks(1)[0]
    np.testing.assert_array_equal(inner_band(mask, width_px), reference_band(mask, width_px))


@pytest.mark.parametrize("seed", range(3))
def test_boundary_iou_agrees_with_opencv(seed):
    pred, truth = masks(seed)
    ours, theirs = (reference_band(mask, 2) for mask in (pred, truth))
    expected = (ours & theirs).sum() / (ours | theirs).sum()
    assert measures.boundary_iou(pred, truth) == pytest.approx(expected)


def share_within(outline, other, tolerance_px):
    distances = np.hypot(*(outline[:, None] - other[None]).transpose(2, 0, 1))
    return (distances.min(axis=1) <= tolerance_px).mean()


@pytest.mark.parametrize("seed", range(3))
def test_relaxed_boundary_f_agrees_with_all_pairs_of_pixels(seed):
    pred, truth = masks(seed)
    ours, theirs = (np.argwhere(reference_band(mask, 1)) for mask in (pred, truth))
    precision, recall = share_within(ours, theirs, 3), share_within(theirs, ours, 3)
    expected = 1.3 * precision * recall / (0.3 * precision + recall)
    assert 0 < expected < 1
    assert measures.relaxed_boundary_f(pred, truth) == pytest.approx(expected)


@pytest.mark.parametrize("measure", [measures.boundary_iou, measures.relaxed_boundary_f])
def test_outlines_of_empty_masks(measure):
    some = masks(0)[0]
    empty = np.zeros_like(some)
    assert measure(empty, empty) == 1
    assert measure(empty, some) == 0
    assert measure(some, empty) == 0


def test_the_tolerance_is_three_pixels():
    square = np.zeros((60, 60), bool)
    square[20:40, 20:40] = True
    assert measures.relaxed_boundary_f(np.roll(square, 3, axis=0), square) == pytest.approx(1)
    assert measures.relaxed_boundary_f(np.roll(square, 4, axis=0), square) < 1


def test_sad_and_mse_of_a_known_difference():
    pred, truth = np.full((50, 40), 0.75, np.float32), np.full((50, 40), 0.5, np.float32)
    region = np.zeros((50, 40), bool)
    region[:10] = True
    assert measures.sad(pred, truth) == pytest.approx(0.5)
    assert measures.sad(pred, truth, region) == pytest.approx(0.1)
    assert measures.mse(pred, truth) == pytest.approx(0.0625)
    assert measures.mse(pred, truth, ~region & region) == 0


def dense_gradient(alpha, sigma=1.4):
    """The published Matlab code's way: one dense kernel for each direction."""
    radius = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * 0.01))))
    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    gaussian = np.exp(-(u**2 + v**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    kernel = -u * gaussian / sigma**2
    kernel /= np.sqrt((kernel**2).sum())
    padded = np.pad(alpha, radius, mode="edge")
    return np.hypot(*(signal.convolve2d(padded, k, mode="valid") for k in (kernel, kernel.T)))


@pytest.mark.parametrize("seed", range(3))
def test_gradient_error_agrees_with_dense_kernels(seed):
    pred, truth = alphas(seed)
    expected = ((dense_gradient(pred) - dense_gradient(truth)) ** 2).sum() / 1000
    assert expected > 0
    assert measures.gradient(pred, truth) == pytest.approx(expected, rel=1e-4)


def flood(mask, start):
    """The 4-connected part around a pixel, by walking."""
    seen, waiting = set(), [start]
    while waiting:
        y, x = waiting.pop()
        inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
        if (y, x) in seen or not inside or not mask[y, x]:
            continue
        seen.add((y, x))
        waiting += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return seen


def slow_connectivity(pred, truth):
    level = np.full(pred.shape, -1.0)
    for tenth in range(1, 11):
        joint = (pred >= tenth / 10 - 1e-6) & (truth >= tenth / 10 - 1e-6)
        parts, left = [], {tuple(at) for at in np.argwhere(joint)}
        while left:
            parts.append(flood(joint, min(left)))
            left -= parts[-1]
        source = max(parts, key=len, default=set())
        for at in np.ndindex(pred.shape):
            if level[at] < 0 and at not in source:
                level[at] = (tenth - 1) / 10
    level[level < 0] = 1
    phi = [1 - (a - level) * (a - level >= 0.15 - 1e-6) for a in (pred, truth)]
    return np.abs(phi[0] - phi[1]).sum() / 1000


@pytest.mark.parametrize("seed", range(4))
def test_connectivity_error_agrees_with_a_slow_flood(seed):
    pred, truth = alphas(seed)
    expected = slow_connectivity(pred, truth)
    assert expected > 0
    assert measures.connectivity(pred, truth) == pytest.approx(expected, rel=1e-5)


def test_connectivity_counts_an_island_and_not_an_even_haze():
    truth = np.zeros((20, 20), np.float32)
    truth[2:10, 2:10] = 1
    island = truth.copy()
    island[15:18, 15:18] = 1
    assert measures.connectivity(island, truth) == pytest.approx(0.009)
    assert measures.connectivity(truth.clip(0.1, 1), truth) == pytest.approx(0)

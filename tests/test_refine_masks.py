"""The small steps on a matte: what they promise for any matte, and known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cutout.refine import masks

STEPS = {
    "threshold": masks.threshold,
    "soft threshold": lambda alpha: masks.threshold(alpha, 0.4, 0.3),
    "drop_specks": lambda alpha: masks.drop_specks(alpha, 0.05),
    "fill_holes": lambda alpha: masks.fill_holes(alpha, 0.05),
    "smooth": masks.smooth,
    "enhance_edges": masks.enhance_edges,
    "feather": masks.feather,
}
step = pytest.mark.parametrize("run", STEPS.values(), ids=STEPS)
mattes = arrays(
    np.float32,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.floats(0, 1, width=32),
)


def disc(size=64, radius=20, centre=(32, 32)):
    rows, columns = np.mgrid[:size, :size]
    return (np.hypot(rows - centre[0], columns - centre[1]) <= radius).astype(np.float32)


@step
@settings(max_examples=25)
@given(alpha=mattes)
def test_a_step_keeps_shape_and_range_and_leaves_its_input_alone(run, alpha):
    before = alpha.copy()
    out = run(alpha)
    assert out.shape == alpha.shape
    assert out.dtype == np.float32
    assert 0 <= out.min() <= out.max() <= 1
    assert out is not alpha
    np.testing.assert_array_equal(alpha, before)


@step
@pytest.mark.parametrize("value", [0, 1])
def test_an_empty_and_a_full_matte_stay_as_they_are(run, value):
    alpha = np.full((40, 30), value, np.float32)
    np.testing.assert_array_equal(run(alpha), alpha)


@pytest.mark.parametrize("name", ["threshold", "drop_specks", "fill_holes"])
def test_a_second_time_changes_nothing(name):
    alpha = np.random.default_rng(0).random((60, 60), np.float32)
    once = STEPS[name](alpha)
    np.testing.assert_array_equal(STEPS[name](once), once)


def test_soft_threshold_is_half_at_its_level_and_steep_around_it():
    alpha = np.float32([[0.2, 0.35, 0.4, 0.45, 0.6]])
    low, below, middle, above, high = masks.threshold(alpha, 0.4, 0.2)[0]
    assert (low, high) == (0, 1)
    assert middle == pytest.approx(0.5)
    assert below == pytest.approx(0.15625) and above == pytest.approx(1 - 0.15625)


def test_a_speck_goes_with_its_rim_and_the_subject_keeps_every_value():
    subject = masks.feather(disc(512, 100, (256, 256)), 4)
    speck = masks.feather(disc(512, 3, (50, 50)), 2)
    speck[speck < 1e-4] = subject[subject < 1e-4] = 0
    assert speck.max() > 0.5
    np.testing.assert_array_equal(masks.drop_specks(np.maximum(subject, speck), 0.02), subject)


def test_the_largest_region_stays_however_small():
    alpha = disc(radius=1) + disc(radius=2, centre=(5, 5))
    np.testing.assert_array_equal(masks.drop_specks(alpha, 0.5), disc(radius=2, centre=(5, 5)))


def test_a_hole_is_filled_and_a_large_one_and_one_at_the_border_stay():
    full = np.ones((64, 64), np.float32)
    small = 1 - disc(radius=3)
    np.testing.assert_array_equal(masks.fill_holes(small, 0.02), full)
    for kept in (1 - disc(radius=20), 1 - disc(radius=3, centre=(0, 30))):
        np.testing.assert_array_equal(masks.fill_holes(kept, 0.02), kept)


def test_smoothing_removes_a_tooth_and_leaves_a_straight_hard_edge():
    edge = np.zeros((40, 40), np.float32)
    edge[:, 20:] = 1
    toothed = edge.copy()
    toothed[19, 14:20] = 1
    out = masks.smooth(toothed, 3)
    assert not out[:, :19].any()
    np.testing.assert_array_equal(masks.smooth(edge, 3), edge)


def test_edge_enhancement_is_the_stated_sum():
    edge = np.zeros((9, 9), np.float32)
    edge[:, 5:] = 1
    out = masks.enhance_edges(edge, 0.5)
    # A vertical step answers one on both columns that touch it.
    np.testing.assert_allclose(out[4], [0, 0, 0, 0, 0.5, 1, 1, 1, 1])
    np.testing.assert_array_equal(masks.enhance_edges(edge, 0), edge)


def test_feathering_leaves_half_at_a_straight_edge_and_keeps_the_area():
    edge = np.zeros((64, 64), np.float32)
    edge[:, 32:] = 1
    out = masks.feather(edge, 6)
    assert (out[32, 31] + out[32, 32]) / 2 == pytest.approx(0.5, abs=1e-5)
    assert out.sum() == pytest.approx(edge.sum(), rel=1e-4)


@step
@pytest.mark.parametrize("shape", [(101, 103), (401, 203), (307, 411)])
def test_a_step_gives_the_same_bits_wherever_its_arrays_lie_in_memory(run, shape):
    alpha = np.random.default_rng(0).random(shape, np.float32)
    first, held = run(alpha), []
    for extra in range(1, 33):
        # Memory held back moves the arrays of the next turn to addresses of another alignment.
        held += [np.empty(alpha.nbytes + 16 * extra, np.uint8), run(alpha)]
        np.testing.assert_array_equal(held[-1], first)

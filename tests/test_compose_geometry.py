"""The subject's box, crop, margin and scale."""

import numpy as np
import pytest

from cutout.compose import geometry
from cutout.errors import InvalidValue

SIZE = (100, 200)


def boxed(top=30, left=50, height=20, width=60):
    alpha = np.zeros(SIZE, np.float32)
    alpha[top : top + height, left : left + width] = 1
    return alpha


def test_the_box_is_what_is_visible():
    alpha = boxed()
    alpha[0, 0] = 0.01
    assert geometry.subject_box(alpha) == (30, 50, 20, 60)


def test_no_subject_gives_the_whole_image():
    assert geometry.subject_box(np.zeros(SIZE, np.float32)) == (0, 0, *SIZE)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("0", (30, 50, 20, 60)),
        ("10px", (20, 40, 40, 80)),
        ("10%", (28, 44, 24, 72)),
        ("1 2", (29, 48, 22, 64)),
        ("1 2px 3 50%", (29, 20, 24, 92)),
        ("500px", (0, 0, *SIZE)),
    ],
)
def test_margins_as_in_css_within_the_image(text, expected):
    margin = geometry.parse_margin(text)
    assert geometry.with_margin((30, 50, 20, 60), margin, SIZE) == expected


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "-1px", "51%", "501", "5em", "1,2", "px", "+5", "1 x"]
)
def test_bad_margins_are_refused(text):
    with pytest.raises(InvalidValue, match="is not a margin"):
        geometry.parse_margin(text)


def test_crop_takes_the_box_from_both():
    alpha = boxed()
    rgb = np.repeat((alpha * 255).astype(np.uint8)[..., None], 3, axis=2)
    part, part_alpha = geometry.crop(rgb, alpha, geometry.subject_box(alpha))
    assert part.shape == (20, 60, 3) and part.min() == 255
    assert part_alpha.shape == (20, 60) and part_alpha.min() == 1


def test_scaling_down_lets_no_hidden_colour_bleed_into_the_edge():
    alpha = boxed(height=21, width=61)
    rgb = np.where(alpha[..., None] > 0, np.uint8([200, 10, 10]), np.uint8([0, 255, 0]))
    small, small_alpha = geometry.fit_within(rgb, alpha, 50)
    assert small.shape == (25, 50, 3) and small_alpha.shape == (25, 50)
    rim = (small_alpha > 0.1) & (small_alpha < 1)
    assert rim.any()
    assert np.abs(small[rim].astype(int) - (200, 10, 10)).max() <= 1


def test_scaling_never_enlarges():
    alpha = boxed()
    rgb = np.zeros((*SIZE, 3), np.uint8)
    assert geometry.fit_within(rgb, alpha, 200) == (rgb, alpha)


def test_a_margin_beyond_the_border_is_the_same_on_every_side():
    margin = geometry.parse_margin("10px")
    assert geometry.with_margin((0, 195, 20, 5), margin, SIZE, beyond=True) == (-10, 185, 40, 25)


@pytest.mark.parametrize(
    "box", [(-3, -4, 110, 210), (-5, 20, 30, 30), (90, 190, 20, 20), (30, 50, 20, 60)]
)
def test_a_crop_beyond_the_border_adds_empty_canvas(box):
    rgb = np.random.default_rng(0).integers(1, 256, (*SIZE, 3), np.uint8)
    alpha = np.full(SIZE, 0.5, np.float32)
    part, part_alpha = geometry.crop(rgb, alpha, box)
    padded = np.pad(rgb, ((20, 20), (20, 20), (0, 0)))
    rows, columns = np.arange(box[2]) + box[0] + 20, np.arange(box[3]) + box[1] + 20
    np.testing.assert_array_equal(part, padded[np.ix_(rows, columns)])
    np.testing.assert_array_equal(part_alpha, 0.5 * part.any(axis=2))


@pytest.mark.parametrize(
    "size, megapixels, expected",
    [
        # Answers of remove.bg: 2400 x 1600, 5184 x 3456, 6250 x 4000.
        ((1600, 2400), 0.25, (408, 612)),
        ((3456, 5184), 10, (2582, 3873)),
        ((4000, 6250), 0.25, (400, 625)),
        ((3000, 4000), 0.25, (433, 577)),
        ((3000, 4000), 1.5, (1061, 1414)),
        ((3000, 4000), 4, (1732, 2309)),
        ((3000, 4000), 10, (2739, 3651)),
        ((3000, 4000), 25, (3000, 4000)),
        ((333, 500), 25, (333, 500)),
        ((1, 1_000_000), 0.25, (1, 500_000)),
    ],
)
def test_a_budget_of_megapixels_rounds_each_side_on_its_own(size, megapixels, expected):
    assert geometry.size_within(size, megapixels) == expected


def test_scaling_to_a_size_gives_that_size_and_the_same_size_changes_nothing():
    alpha = boxed()
    rgb = np.zeros((*SIZE, 3), np.uint8)
    small, small_alpha = geometry.scale_down(rgb, alpha, (33, 67))
    assert small.shape == (33, 67, 3) and small_alpha.shape == (33, 67)
    assert geometry.scale_down(rgb, alpha, SIZE) == (rgb, alpha)

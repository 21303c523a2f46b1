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


def test_no_subject_gives_the_whole_picture():
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
def test_margins_as_in_css_within_the_picture(text, expected):
    margin = geometry.parse_margin(text)
    assert geometry.with_margin((30, 50, 20, 60), margin, SIZE) == expected


@pytest.mark.parametrize("text", ["", "1 2 3", "-1px", "51%", "501", "5em", "1,2", "px"])
def test_bad_margins_are_refused(text):
    with pytest.raises(InvalidValue, match="is not a margin"):
        geometry.parse_margin(text)


def test_crop_takes_the_box_from_both():
    alpha = boxed()
    rgb = np.repeat((alpha * 255).astype(np.uint8)[..., None], 3, axis=2)
    part, part_alpha = geometry.crop(rgb, alpha, geometry.subject_box(alpha))
    assert part.shape == (20, 60, 3) and part.min() == 255
    assert part_alpha.shape == (20, 60) and part_alpha.min() == 1


def test_scaling_down_lets_no_hidden_colour_bleed_into_the_rim():
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

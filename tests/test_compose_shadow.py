"""Drop shadows: where they fall, how soft and dark they are, and what they are put under."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutout.compose import shadow
from cutout.compose.backgrounds import over
from cutout.compose.shadow import DropShadow, drop_shadow, shadowed, subject_shadow, under
from cutout.errors import InvalidValue


def square(size=200, top=60, left=70, side=50):
    alpha = np.zeros((size, size), np.float32)
    alpha[top : top + side, left : left + side] = 1
    return alpha


@pytest.mark.parametrize("offset", [(0, 0), (12, -7), (-30, 40), (150, 0), (0, -199), (500, 500)])
def test_without_blur_the_shadow_is_the_subject_moved(offset):
    alpha = square()
    expected = np.zeros((1200, 1200), np.float32)
    expected[500 + offset[0] : 700 + offset[0], 500 + offset[1] : 700 + offset[1]] = alpha
    np.testing.assert_array_equal(
        drop_shadow(alpha, offset, 0, 0.5), 0.5 * expected[500:700, 500:700]
    )


@pytest.mark.parametrize("blur", [1, 8, 20, 60])
def test_the_blur_is_the_gaussian_of_css(blur):
    alpha = square()
    exact = cv2.GaussianBlur(alpha, (0, 0), blur / 2, borderType=cv2.BORDER_CONSTANT)
    np.testing.assert_allclose(drop_shadow(alpha, (0, 0), blur, 1), exact, atol=0.03)


def test_opacity_scales_the_shadow_and_none_removes_it():
    alpha = square()
    full = drop_shadow(alpha, (5, 5), 10, 1)
    np.testing.assert_allclose(drop_shadow(alpha, (5, 5), 10, 0.25), 0.25 * full, atol=1e-6)
    assert not drop_shadow(alpha, (5, 5), 10, 0).any()


def test_percentages_are_of_the_subjects_box():
    alpha = np.zeros((200, 300), np.float32)
    alpha[50:90, 100:200] = 1
    style = DropShadow(down=(25, "%"), across=(-10, "%"), blur=(8, "%"), opacity=0.4)
    np.testing.assert_array_equal(
        subject_shadow(alpha, style), drop_shadow(alpha, (10, -10), 8, 0.4)
    )


def test_the_default_shadow_falls_below_the_subject():
    alpha = square()
    cast = subject_shadow(alpha, DropShadow())
    rows = np.arange(200)
    centre = (cast.sum(axis=1) * rows).sum() / cast.sum()
    assert centre == pytest.approx(60 + 24.5 + 2, abs=0.1)
    assert 0.4 < cast.max() <= 0.5


def test_a_shadow_under_a_cut_out_follows_porter_and_duff():
    red, half = np.full((1, 1, 3), (200, 100, 0), np.uint8), np.full((1, 1), 0.5, np.float32)
    out, alpha = under(red, half, np.full((1, 1), 0.5, np.float32))
    assert alpha[0, 0] == pytest.approx(0.75)
    # Two thirds of what is seen are the subject's, one third is the black shadow.
    assert out[0, 0].tolist() == [133, 67, 0]


def test_the_subject_keeps_its_colours_and_the_shadow_is_black():
    rgb = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    alpha = square()
    cast = drop_shadow(alpha, (20, 0), 10, 0.6)
    out, out_alpha = under(rgb, alpha, cast)
    np.testing.assert_array_equal(out[alpha == 1], rgb[alpha == 1])
    assert not out[alpha == 0].any()
    np.testing.assert_allclose(out_alpha, alpha + cast * (1 - alpha), atol=1e-6)


def test_an_opaque_background_is_darkened_only_where_the_shadow_is():
    back = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    cast = drop_shadow(square(), (20, 0), 10, 0.6)
    out, alpha = shadowed(cast, back)
    np.testing.assert_allclose(alpha, 1, atol=1e-6)
    np.testing.assert_array_equal(out[cast == 0], back[cast == 0])
    assert np.abs(out - back * (1 - cast[..., None])).max() <= 1


@pytest.mark.parametrize("back_alpha", [0.0, 0.4, 1.0])
def test_both_ways_give_the_same_image(back_alpha):
    """The shadow on the background, then the subject; or subject with shadow, then background."""
    rgb = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    alpha = cv2.GaussianBlur(square(), (0, 0), 2)
    cast = drop_shadow(alpha, (20, 10), 10, 0.6)
    colour = np.uint8([250, 240, 60])
    first, first_alpha = over(rgb, alpha, *shadowed(cast, colour, back_alpha))
    second, second_alpha = over(*under(rgb, alpha, cast), colour, back_alpha)
    np.testing.assert_allclose(first_alpha, second_alpha, atol=1e-6)
    # Straight alpha in 8 bits is exact to a level of colour times alpha.
    difference = np.abs(first.astype(float) - second) * first_alpha[..., None]
    assert difference.max() <= 2


@pytest.mark.parametrize(
    "text, expected",
    [
        ("0 30px", ((30, "px"), (0, "px"))),
        ("-2% 5%", ((5, "%"), (-2, "%"))),
        ("-500 +50%", ((50, "%"), (-500, "px"))),
    ],
)
def test_offsets_are_horizontal_then_vertical_as_in_css(text, expected):
    assert shadow.parse_offset(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "501px 0", "0 -51%", "1 2 3", "left 5px", "9" * 5000 + " 0"]
)
def test_a_bad_offset_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="is not an offset") as caught:
        shadow.parse_offset(text)
    assert "500px" in caught.value.extra["allowed"]


@pytest.mark.parametrize(
    "text, expected", [("0", (0, "px")), ("12.5px", (12.5, "px")), ("50%", (50, "%"))]
)
def test_blurs_are_one_length(text, expected):
    assert shadow.parse_blur(text) == expected


@pytest.mark.parametrize("text", ["", "-1px", "501", "51%", "1 2", "soft"])
def test_a_bad_blur_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="is not a blur") as caught:
        shadow.parse_blur(text)
    assert "50%" in caught.value.extra["allowed"]


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 1500), st.integers(1, 8)),
    st.booleans(),
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    st.sampled_from([0, 0.1, 3, 40, 500]),
    st.floats(0, 1),
)
def test_any_size_has_a_shadow_in_range(size, turn, offset, blur, opacity):
    alpha = np.random.default_rng(0).random(size[::-1] if turn else size, np.float32)
    alpha.flags.writeable = False
    cast = drop_shadow(alpha, offset, blur, opacity)
    assert (cast.shape, cast.dtype) == (alpha.shape, np.float32)
    assert np.isfinite(cast).all() and 0 <= cast.min() <= cast.max() <= opacity + 1e-6

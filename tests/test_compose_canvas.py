"""A cut-out on a canvas: where it lies, how large it is, and that it is scaled well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from cutout import parallel
from cutout.compose import resample
from cutout.compose.canvas import parse_canvas, parse_position, parse_scale, place
from cutout.compose.geometry import subject_box
from cutout.errors import InvalidValue

CENTRE = parse_position("center")


def cut_out(size=(100, 200), box=(30, 50, 20, 60), colour=(200, 10, 10), seed=0):
    """A rectangle of one colour on a background of noise."""
    top, left, height, width = box
    alpha = np.zeros(size, np.float32)
    alpha[top : top + height, left : left + width] = 1
    rgb = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    rgb[alpha > 0] = colour
    return rgb, alpha


@pytest.mark.parametrize(
    "text, expected",
    [("2000x1500", (1500, 2000)), (" 1X10000 ", (10_000, 1)), ("640 x 480", (480, 640))],
)
def test_a_canvas_is_width_times_height(text, expected):
    assert parse_canvas(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2000", "0x10", "10001x1", "-1x5", "1.5x2", "9" * 5000 + "x1"]
)
def test_a_bad_canvas_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="width and height in pixels") as caught:
        parse_canvas(text)
    assert caught.value.extra["allowed"] == "1x1..10000x10000"


@pytest.mark.parametrize(
    "text, expected",
    [("original", None), ("10%", 0.1), ("85%", 0.85), (" 100% ", 1), ("12.5%", 0.125)],
)
def test_scales_are_shares_of_the_canvas(text, expected):
    assert parse_scale(text) == expected


@pytest.mark.parametrize(
    "text", ["", "9%", "101%", "85", "85px", "large", "-50%", "9" * 5000 + "%"]
)
def test_a_bad_scale_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="is not a scale") as caught:
        parse_scale(text)
    assert caught.value.extra["allowed"] == "original, 10%..100%"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("original", None),
        ("Center", ((50, "%"), (50, "%"))),
        ("20%", ((20, "%"), (20, "%"))),
        ("10% 90%", ((90, "%"), (10, "%"))),
        ("10px 20px", ((20, "px"), (10, "px"))),
        ("0 100%", ((100, "%"), (0, "px"))),
    ],
)
def test_positions_are_horizontal_then_vertical_as_in_css(text, expected):
    assert parse_position(text) == expected


@pytest.mark.parametrize("text", ["", "top", "101%", "-1px", "1% 2% 3%", "center original", "5em"])
def test_a_bad_position_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="is not a position") as caught:
        parse_position(text)
    assert "0%..100%" in caught.value.extra["allowed"]


def test_the_same_canvas_without_scale_and_position_changes_only_hidden_colours():
    rgb, alpha = cut_out()
    out, out_alpha = place(rgb, alpha, alpha.shape)
    np.testing.assert_array_equal(out_alpha, alpha)
    np.testing.assert_array_equal(out, rgb * (alpha > 0)[..., None])


@pytest.mark.parametrize(
    "text, box",
    [
        ("0%", (0, 0, 20, 60)),
        ("center", (140, 120, 20, 60)),
        ("100%", (280, 240, 20, 60)),
        ("25% 75%", (210, 60, 20, 60)),
        ("10px 20px", (20, 10, 20, 60)),
        ("500px", (280, 240, 20, 60)),
    ],
)
def test_a_position_divides_the_free_space_as_css_does(text, box):
    rgb, alpha = cut_out()
    out, out_alpha = place(rgb, alpha, (300, 300), None, parse_position(text))
    assert subject_box(out_alpha) == box
    top, left, height, width = box
    assert (out[top : top + height, left : left + width] == (200, 10, 10)).all()
    assert not out[out_alpha == 0].any()


def test_the_original_position_divides_the_free_space_as_in_the_image():
    rgb, alpha = cut_out(size=(100, 200), box=(20, 35, 20, 60))
    _, out_alpha = place(rgb, alpha, (220, 340))
    # A quarter of the free space is above and in front of the box, before and after.
    assert subject_box(out_alpha) == (50, 70, 20, 60)


@pytest.mark.parametrize(
    "shape, scale, height, width",
    [
        ((1000, 1000), 1.0, 333, 1000),
        ((1000, 1000), 0.85, 283, 850),
        ((100, 1000), 0.5, 50, 150),
        ((10, 10), 0.9, 3, 9),
    ],
)
def test_a_scale_is_the_share_of_the_canvas_that_the_box_fills(shape, scale, height, width):
    rgb, alpha = cut_out()
    out, out_alpha = place(rgb, alpha, shape, scale, CENTRE)
    box = subject_box(out_alpha)
    expected = ((shape[0] - height) / 2, (shape[1] - width) / 2, height, width)
    # The cubic's soft edge may be visible one source pixel further out.
    assert np.abs(np.subtract(box, expected)).max() <= 2 * max(1, width / 60)
    assert out_alpha.sum() == pytest.approx(height * width, rel=0.03)
    assert np.abs(out[out_alpha > 0.05] - np.int16([200, 10, 10])).max() <= 1


def test_without_a_scale_a_subject_larger_than_the_canvas_is_made_to_fit():
    rgb, alpha = cut_out(box=(0, 0, 100, 200))
    _, out_alpha = place(rgb, alpha, (60, 50))
    assert subject_box(out_alpha) == (18, 0, 25, 50)


@pytest.mark.parametrize("shape, scale", [((300, 400), 0.9), ((40, 50), 0.9), ((100, 200), None)])
def test_nothing_of_the_background_is_left(shape, scale):
    first, second = (
        place(*cut_out(seed=seed), shape, scale, parse_position("30% 60%")) for seed in (0, 1)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_a_subject_is_enlarged_from_the_image_not_from_a_smaller_copy():
    """Halved and enlarged again by the same factor, it is the photograph within a few levels."""
    rgb = data.astronaut()
    alpha = np.ones(rgb.shape[:2], np.float32)
    small, small_alpha = place(rgb, alpha, (256, 256), 1.0)
    large, _ = place(small, small_alpha, (512, 512), 1.0)
    assert np.abs(large.astype(int) - rgb).mean() < 5
    once, _ = place(rgb, alpha, (512, 512), 1.0)
    np.testing.assert_array_equal(once, rgb)


def test_scaling_in_chunks_is_scaling_in_one_piece(monkeypatch):
    rgb = data.astronaut()
    alpha = np.random.default_rng(0).random(rgb.shape[:2], np.float32)
    region, size = (3.3, 7.7, 401.2, 500.5), (700, 300)
    scaled = []
    for rows in (31, 700):
        monkeypatch.setattr(parallel, "FINE_CHUNK_ROWS", rows)
        scaled.append(resample.resample(rgb, alpha, region, size))
    np.testing.assert_allclose(scaled[0][1], scaled[1][1], atol=1e-3)
    assert np.abs(scaled[0][0].astype(int) - scaled[1][0]).max() <= 1


sides = st.one_of(st.integers(1, 40), st.integers(1, 2000))


@settings(max_examples=60)
@given(
    st.tuples(sides, st.integers(1, 8)),
    st.tuples(sides, st.integers(1, 8)),
    st.booleans(),
    st.sampled_from([None, 0.1, 0.85, 1.0]),
    st.sampled_from(["original", "center", "0%", "100% 30%", "3px 900px"]),
    st.sampled_from([0.0, 0.03, 0.5, 1.0]),
)
def test_any_image_goes_on_any_canvas(source, target, turn, scale, position, level):
    target = target[::-1] if turn else target
    rgb = np.random.default_rng(0).integers(0, 256, (*source, 3), np.uint8)
    alpha = np.zeros(source, np.float32)
    alpha[source[0] // 3 :, source[1] // 3 :] = level
    rgb.flags.writeable = alpha.flags.writeable = False
    out, out_alpha = place(rgb, alpha, target, scale, parse_position(position))
    assert (out.shape, out.dtype) == ((*target, 3), np.uint8)
    assert (out_alpha.shape, out_alpha.dtype) == (target, np.float32)
    assert np.isfinite(out_alpha).all() and 0 <= out_alpha.min() <= out_alpha.max() <= 1
    assert not out[np.rint(out_alpha * 255) == 0].any()
    assert (out_alpha.max() > 0) == (level > 0)

"""Backgrounds: exact where alpha is 0 or 1, the formula between; colours in requests."""

import numpy as np
import pytest

from cutout.compose.backgrounds import blurred, cover, over
from cutout.compose.colour_names import parse_colour
from cutout.errors import InvalidValue

RNG = np.random.default_rng(1)
RGB = RNG.integers(0, 256, (40, 50, 3), np.uint8)
ALPHA = np.clip(RNG.random((40, 50), np.float32) * 2 - 0.5, 0, 1)


@pytest.mark.parametrize("linear", [False, True])
def test_opaque_pixels_keep_their_colour_and_transparent_ones_take_the_backgrounds(linear):
    out, alpha = over(RGB, ALPHA, (10, 200, 30), linear=linear)
    np.testing.assert_array_equal(out[ALPHA == 1], RGB[ALPHA == 1])
    assert (out[ALPHA == 0] == (10, 200, 30)).all()
    np.testing.assert_allclose(alpha, 1, atol=1e-6)


def test_the_band_is_blended_as_browsers_do():
    back = RNG.integers(0, 256, RGB.shape, np.uint8)
    expected = RGB * ALPHA[..., None] + back * (1 - ALPHA[..., None])
    out, _ = over(RGB, ALPHA, back)
    # A pixel that is opaque or transparent in 8 bits is not blended: at most half a level of alpha.
    assert np.abs(out - expected).max() <= 0.5 + 255 * 0.5 / 255


def test_linear_light_mixes_black_and_white_to_the_known_grey():
    white, half = np.full((1, 1, 3), 255, np.uint8), np.full((1, 1), 0.5, np.float32)
    assert over(white, half, (0, 0, 0))[0][0, 0] == pytest.approx([127.5] * 3, abs=0.6)
    # IEC 61966-2-1: half the light of white is sRGB 188.
    assert over(white, half, (0, 0, 0), linear=True)[0][0, 0].tolist() == [188] * 3


def test_linear_light_leaves_equal_colours_alone():
    out, _ = over(RGB, ALPHA, RGB, linear=True)
    np.testing.assert_array_equal(out, RGB)


def test_a_translucent_background_follows_porter_and_duff():
    red, half = np.full((1, 1, 3), (255, 0, 0), np.uint8), np.full((1, 1), 0.5, np.float32)
    out, alpha = over(red, half, (0, 0, 255), back_alpha=0.5)
    assert alpha[0, 0] == pytest.approx(0.75)
    assert out[0, 0].tolist() == [170, 0, 85]


@pytest.mark.parametrize("shape", [(90, 30), (30, 90), (20, 25), (400, 500), (1, 1)])
def test_a_cover_fills_the_size_whatever_its_shape(shape):
    image = np.full((*shape, 3), 77, np.uint8)
    out = cover(image, (40, 50))
    assert out.shape == (40, 50, 3)
    assert (out == 77).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2), (1, 7), (7, 1)])
def test_tiny_images_have_backgrounds_too(shape):
    rgb, alpha = np.full((*shape, 3), 200, np.uint8), np.full(shape, 0.5, np.float32)
    assert (over(rgb, alpha, (0, 0, 0))[0] == 100).all()
    assert blurred(rgb, alpha).shape == rgb.shape


def test_a_cover_is_centred():
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 40:60] = 255
    np.testing.assert_array_equal(cover(image, (40, 40))[0, :, 0], [0] * 10 + [255] * 20 + [0] * 10)


def test_the_blur_leaves_the_subject_out():
    rgb = np.full((200, 300, 3), (20, 120, 20), np.uint8)
    alpha = np.zeros((200, 300), np.float32)
    alpha[60:140, 100:200] = 1
    rgb[60:140, 100:200] = (250, 0, 0)
    out = blurred(rgb, alpha).astype(int)
    outside = alpha == 0
    assert np.abs(out[outside] - (20, 120, 20)).max() <= 20
    assert np.abs(rgb.astype(int)[outside] - (20, 120, 20)).max() == 0


@pytest.mark.parametrize("value", [0, 1])
def test_the_blur_is_defined_without_a_subject_and_without_a_background(value):
    flat = np.full((30, 40, 3), (9, 8, 7), np.uint8)
    out = blurred(flat, np.full((30, 40), value, np.float32))
    np.testing.assert_array_equal(out, flat)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("#fff", (255, 255, 255, 255)),
        ("0f08", (0, 255, 0, 136)),
        ("81d4fa", (129, 212, 250, 255)),
        ("#81D4FA80", (129, 212, 250, 128)),
        (" RebeccaPurple ", (102, 51, 153, 255)),
        ("transparent", (0, 0, 0, 0)),
    ],
)
def test_colours_are_parsed(text, expected):
    assert parse_colour(text) == expected


@pytest.mark.parametrize("text", ["", "#12345", "blurple", "rgb(1,2,3)", "#ggg", "red; x"])
def test_what_is_not_a_colour_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidValue, match="hex digits or a CSS colour name"):
        parse_colour(text)

"""sRGB colours in the numbers of another RGB profile."""

import struct

import numpy as np
import pytest
from PIL import ImageCms

from cutout import images
from cutout.errors import UndecodableImage

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Primaries of Display P3 adapted to D50, as X, Y, Z (SMPTE EG 432-1, ICC.1:2022 annex E).
P3_PRIMARIES = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
# Linear sRGB to XYZ (D50), and XYZ (D50) to linear P3.
FROM_SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
TO_P3 = np.linalg.inv(np.array(list(P3_PRIMARIES.values())).T)


def display_p3():
    """The sRGB profile, whose curve Display P3 shares, with the primaries of P3."""
    profile = bytearray(SRGB)
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(count):
        tag, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if tag in P3_PRIMARIES:
            values = [round(value * 65536) for value in P3_PRIMARIES[tag]]
            struct.pack_into(">3i", profile, offset + 8, *values)
    return bytes(profile)


def expected_p3(rgb):
    """By the formulas of IEC 61966-2-1 in floating point."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    other = (linear @ FROM_SRGB.T @ TO_P3.T).clip(0, 1)
    return 255 * np.where(other <= 0.0031308, other * 12.92, 1.055 * other ** (1 / 2.4) - 0.055)


def test_srgb_red_has_its_numbers_of_display_p3():
    red = images.convert_colours(np.array([255, 0, 0], np.uint8), None, display_p3())
    assert red.shape == (3,) and red.dtype == np.uint8
    assert np.abs(red.astype(int) - [234, 51, 35]).max() <= 1


def test_every_colour_of_a_background_is_converted():
    colours = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    before = colours.copy()
    converted = images.convert_colours(colours, None, display_p3())
    assert np.abs(converted - expected_p3(colours)).max() <= 1.5
    assert np.array_equal(colours, before)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_grey_stays_grey(level):
    grey = images.convert_colours(np.full(3, level, np.uint8), None, display_p3())
    assert np.abs(grey.astype(int) - level).max() <= 1


def test_colours_under_srgb_stay_as_they_are():
    colours = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert np.abs(images.convert_colours(colours, None, SRGB).astype(int) - colours).max() <= 1


@pytest.mark.parametrize("crop", [np.s_[::2, ::-3], np.s_[5:6, 5:6]])
def test_a_view_converts_like_its_copy(crop):
    colours = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)[crop]
    converted = images.convert_colours(colours, None, display_p3())
    assert converted.shape == colours.shape
    assert np.array_equal(converted, images.convert_colours(colours.copy(), None, display_p3()))


@pytest.mark.parametrize("profile", [b"junk", SRGB[:200], SRGB[:36] + b"acsp" + bytes(200)])
def test_a_damaged_profile_is_refused(profile):
    with pytest.raises(UndecodableImage, match="colour profile"):
        images.convert_colours(np.zeros(3, np.uint8), None, profile)


def test_a_profile_of_another_space_is_refused():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(UndecodableImage, match="colour profile"):
        images.convert_colours(np.zeros(3, np.uint8), None, lab)

"""Dots an inch: read from a file, turned with it, written into the result."""

import io

import numpy as np
import pytest
from conftest import image_bytes
from PIL import ExifTags, Image, TiffImagePlugin

from cutout import images

FLAT = np.full((20, 30, 3), 90, np.uint8)


def read_dpi(data: bytes) -> tuple[float, float] | None:
    return Image.open(io.BytesIO(data)).info.get("dpi")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
def test_the_resolution_of_a_file_is_read(file_format):
    data = image_bytes(FLAT, file_format, dpi=(300, 150))
    found = images.decode(data, images.Limits(formats=("PNG", "JPEG", "TIFF")))
    assert found.dpi == pytest.approx((300, 150), abs=0.02)


def test_a_file_without_resolution_has_none():
    assert images.decode(image_bytes(FLAT)).dpi is None


@pytest.mark.parametrize("dpi", [(0, 0), (0.5, 300), (65_536, 300)])
def test_an_impossible_resolution_is_not_taken_over(dpi):
    assert images.decode(image_bytes(FLAT, "PNG", dpi=dpi)).dpi is None


def test_a_resolution_that_is_no_number_is_not_taken_over():
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution] = 300
    exif[ExifTags.Base.YResolution] = TiffImagePlugin.IFDRational(0, 0)
    data = image_bytes(FLAT, "TIFF", tiffinfo=exif, dpi=None)
    assert np.isnan(float(read_dpi(data)[1]))
    assert images.decode(data, images.Limits(formats=("TIFF",))).dpi is None


@pytest.mark.parametrize("turn, expected", [(1, (300, 150)), (3, (300, 150)), (6, (150, 300))])
def test_the_resolution_turns_with_the_image(turn, expected):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    data = image_bytes(FLAT, "JPEG", dpi=(300, 150), exif=exif)
    assert images.decode(data).dpi == expected


@pytest.mark.parametrize("file_format", ["png", "jpeg"])
def test_the_resolution_is_written(file_format):
    data = images.encode(FLAT, file_format, dpi=(300, 150))
    assert read_dpi(data) == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_none_is_written_where_none_is_known(file_format):
    assert read_dpi(images.encode(FLAT, file_format)) is None

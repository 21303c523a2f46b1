"""What can be written in which format, and refused before any work."""

import io

import numpy as np
import pytest
from PIL import Image

from cutout import images
from cutout.errors import InvalidValue


def opened(data):
    return Image.open(io.BytesIO(data))


def grey_bar(height, width):
    return np.tile(np.arange(width, dtype=np.uint8), (height, 1))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "format, side, others",
    [
        ("webp", 16_383, ["jpeg", "png"]),
        ("jpeg", 65_500, ["png"]),
        ("png", 2**31 - 1, []),
    ],
)
def test_a_side_that_a_format_cannot_hold_is_refused_by_name(format, side, others, turned):
    size = (side, 1) if turned else (1, side)
    images.check_encodable(size, format)
    with pytest.raises(InvalidValue, match=f"as {format}: at most {side} pixels") as refusal:
        images.check_encodable((size[0] + turned, size[1] + (not turned)), format)
    assert refusal.value.extra["allowed"] == others


def test_the_refusal_names_width_before_height():
    with pytest.raises(InvalidValue, match=r"20000 x 300 pixels.* Use jpeg or png"):
        images.check_encodable((300, 20_000), "webp")


def test_an_unknown_format_is_refused():
    with pytest.raises(InvalidValue, match="png, webp or jpeg"):
        images.check_encodable((3, 3), "bmp")


@pytest.mark.parametrize("format, side", [("webp", 16_383), ("jpeg", 65_500)])
def test_the_limit_is_that_of_the_encoder(format, side):
    row = np.zeros((1, side, 3), np.uint8)
    assert opened(images.encode(row, format)).size == (side, 1)
    with pytest.raises(InvalidValue, match="at most"):
        images.encode(np.zeros((1, side + 1, 3), np.uint8), format)


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_grey_is_written_as_grey(format):
    levels = grey_bar(48, 64)
    image = opened(images.encode(levels, format))
    assert image.mode == "L"
    assert np.abs(np.asarray(image).astype(int) - levels).max() <= 4


@pytest.mark.parametrize("dpi", [(0, 72), (72, -1), (70_000, 70_000), (float("nan"), 72)])
def test_impossible_dots_per_inch_are_refused(dpi):
    with pytest.raises(InvalidValue, match="Dots per inch"):
        images.encode(grey_bar(9, 12), "png", dpi=dpi)

"""PNG's row filters, and the choice among them."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cutout import images
from cutout.images.png_writer import filters, strategy

RANDOM = np.random.default_rng(4)
ROWS = RANDOM.integers(0, 256, (40, 60), dtype=np.uint8)


def slow_paeth(a, b, c):
    """The text of the specification, section 9.4, for one byte."""
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    if pa <= pb and pa <= pc:
        return a
    return b if pb <= pc else c


PREDICTIONS = {
    filters.NONE: lambda a, b, c: 0,
    filters.SUB: lambda a, b, c: a,
    filters.UP: lambda a, b, c: b,
    filters.AVERAGE: lambda a, b, c: (a + b) // 2,
    filters.PAETH: slow_paeth,
}


def slow(rows, kind, pixel_bytes):
    """Section 9.2, a byte at a time; what lies outside the image is zero."""
    whole = np.pad(rows.astype(int), ((1, 0), (pixel_bytes, 0)))
    return np.array(
        [
            [
                whole[y, x] - PREDICTIONS[kind](whole[y, x - pixel_bytes], whole[y - 1, x], corner)
                for x in range(pixel_bytes, whole.shape[1])
                for corner in [whole[y - 1, x - pixel_bytes]]
            ]
            for y in range(1, len(whole))
        ]
    ).astype(np.uint8)


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("pixel_bytes", [1, 3, 4])
def test_a_filter_agrees_with_the_specification(kind, pixel_bytes):
    fast = filters.filter_rows(ROWS, kind, slice(0, 40), pixel_bytes)
    assert (fast[:, 0] == kind).all()
    assert np.array_equal(fast[:, 1:], slow(ROWS, kind, pixel_bytes))


@pytest.mark.parametrize("kind", [*PREDICTIONS, filters.ADAPTIVE])
def test_a_band_is_filtered_like_the_whole(kind):
    whole = filters.filter_rows(ROWS, kind, slice(0, 40), 3)
    assert np.array_equal(filters.filter_rows(ROWS, kind, slice(13, 29), 3), whole[13:29])


def test_each_row_gets_the_filter_of_the_smallest_sum():
    whole = filters.filter_rows(ROWS, filters.ADAPTIVE, slice(0, 40), 3)
    sums = [np.abs(slow(ROWS, kind, 3).view(np.int8).astype(int)).sum(1) for kind in PREDICTIONS]
    assert np.array_equal(whole[:, 0], np.argmin(sums, axis=0))
    assert len(set(whole[:, 0])) > 1
    for row, result in enumerate(whole):
        assert np.array_equal(result[1:], slow(ROWS, result[0], 3)[row])


@pytest.mark.parametrize("axis, kind", [(0, filters.UP), (1, filters.SUB)])
def test_the_filter_follows_the_image(axis, kind):
    # Streaks along one axis, with grain so that a compressor finds no repeated lines.
    streaks = RANDOM.integers(0, 250, (900, 1, 3) if axis else (1, 900, 3))
    grain = RANDOM.integers(0, 6, (900, 900, 3))
    rows = (streaks + grain).astype(np.uint8).reshape(900, -1)
    assert strategy.choose_strategy(rows, 3).filter == kind


def test_a_sharp_photograph_takes_paeth():
    rows = np.tile(data.astronaut(), (2, 2, 1)).reshape(1024, -1)
    assert strategy.choose_strategy(rows, 3).filter == filters.PAETH


@pytest.mark.parametrize("name, levels", [("chelsea", (3,)), ("rocket", (5,))])
def test_a_large_image_takes_a_low_level_where_it_costs_little(name, levels):
    large = Image.fromarray(getattr(data, name)()).resize((4000, 3000))
    rgb = images.decode(images.encode(np.asarray(large), "jpeg")).rgb
    assert strategy.choose_strategy(rgb.reshape(3000, -1), 3).levels == levels


@pytest.mark.parametrize("shape", [(1, 4_000_000), (4_000_000, 1), (3000, 4000)])
def test_a_blank_or_very_long_image_gets_a_strategy(shape):
    assert strategy.choose_strategy(np.zeros(shape, np.uint8), 1).filter in PREDICTIONS
    assert strategy.choose_strategy(np.full(shape, 9, np.uint8), 1).filter in PREDICTIONS

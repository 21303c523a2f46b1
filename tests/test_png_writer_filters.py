"""PNG's row filters, and the choice among them."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cutout import images
from cutout.images.png_writer import deflate, filters, strategy

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


def compressed_bytes(rows, chosen):
    return sum(len(part) for part in deflate.stream(rows, 3, chosen))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
def test_the_filter_is_the_one_that_compresses_best(name):
    photograph = getattr(data, name)()
    rows = np.tile(photograph, (2, 2, 1)).reshape(2 * len(photograph), -1)
    chosen = strategy.choose_strategy(rows, 3)
    sizes = {
        kind: compressed_bytes(rows, deflate.PngStrategy(kind, chosen.levels))
        for kind in (filters.SUB, filters.UP, filters.PAETH)
    }
    assert sizes[chosen.filter] <= 1.01 * min(sizes.values())


def test_a_large_image_takes_a_lower_level_where_that_costs_fewer_bytes():
    costs, levels = {}, {}
    for name in ("chelsea", "rocket"):
        large = Image.fromarray(getattr(data, name)()).resize((4000, 3000))
        rgb = images.decode(images.encode(np.asarray(large), "jpeg")).rgb
        rows = rgb.reshape(3000, -1)
        chosen = strategy.choose_strategy(rows, 3)
        pillows = compressed_bytes(rows, deflate.PngStrategy(filters.ADAPTIVE, (6,)))
        levels[name] = np.mean(chosen.levels)
        costs[name] = compressed_bytes(rows, deflate.PngStrategy(chosen.filter, (3,))) / pillows
        assert compressed_bytes(rows, chosen) < 1.06 * pillows
    assert sorted(levels, key=levels.get) == sorted(costs, key=costs.get)
    assert len(set(levels.values())) > 1


@pytest.mark.parametrize("shape", [(1, 4_000_000), (4_000_000, 1), (3000, 4000)])
def test_a_blank_or_very_long_image_gets_a_strategy(shape):
    assert strategy.choose_strategy(np.zeros(shape, np.uint8), 1).filter in PREDICTIONS
    assert strategy.choose_strategy(np.full(shape, 9, np.uint8), 1).filter in PREDICTIONS

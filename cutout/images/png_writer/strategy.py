"""Which filter, level and library compress an image as was asked for.

`balanced`: fast, and within 5 % of what Pillow's level 6 gives. `fast`: by ISA-L's level 1, a fifth
to a third of that time. `small`: by the highest levels, however long they take.

Which filter compresses best depends on the image, by up to a sixth. So does what a low level
costs: against Pillow's level 6, level 3 gave from 7 % less to 10 % more, level 4 from 11 % less to
9 % more and takes a fifth longer, level 5 from 14 % less to 6 % more and another fifth of the time
(`benchmarks/codecs.py`). So sample strips of each image are compressed in several ways first, and
only large images, where time matters, take a low level. Of all the images tried only very soft
opaque ones of 12 megapixels come out larger, by up to 6 %.
"""

from typing import Literal

import numpy as np

from cutout.images.png_writer import filters
from cutout.images.png_writer.deflate import PngStrategy, compress_band

Compression = Literal["fast", "balanced", "small"]

# Rows of a strip, number of strips. JPEG's blocks of eight rows show in every filter's output, so
# strips are upper and lower halves of blocks alternately.
_STRIP, _STRIPS, _BLOCK = 4, 8, 8
# Rows of a strip where the fewest bytes are looked for, and bytes of an image up to which all of it
# is compressed in each way then.
_TALL, _WHOLE_BYTES = 32, 1 << 23
# Bytes of a row that are sampled: an image of a single, very long row is not compressed four times.
_WIDTH = 1 << 16
# Levels of zlib-ng; the last is Pillow's default.
_LOW, _LOW_PLUS, _MEDIUM, _PILLOW = 3, 4, 5, 6
# Those that find most matches: level 9 looks for them in another way, which is mostly better.
_HIGHEST = 8, 9
# Up to so many bytes Pillow's own way takes milliseconds; it compresses small, sharp images best.
_SMALL_BYTES = 1 << 21
# Up to so many bytes, 8 megapixels with alpha, the medium level takes no longer than the low ones
# on the 12 megapixels of a camera.
_MIDDLE_BYTES = 1 << 25
# Bytes of the strips at the low level, relative to Pillow's way, up to which the low level is used
# for all bands, and for every other band. The strips predict up to 5 % too little.
_MAX_RATIO_LOW, _MAX_RATIO_MIXED = 0.98, 1.03
# On large images the filter "up" nearly always compresses best and is the fastest, so others are
# used only where their strips are smaller than this, relative to those of "up".
_MAX_RATIO_TO_UP = 0.97


def choose_strategy(
    rows: np.ndarray, pixel_bytes: int, compression: Compression = "balanced"
) -> PngStrategy:
    """How to compress an image. rows: (H, bytes a row) uint8."""
    if compression == "fast":
        return PngStrategy(filters.UP, (1,), "isal")
    if compression == "small":
        return _smallest(rows, pixel_bytes)
    if rows.size <= _SMALL_BYTES:
        return PngStrategy(filters.ADAPTIVE, (_PILLOW,))
    strips = _sample_strips(rows, pixel_bytes)
    kinds = (filters.UP, filters.SUB, filters.PAETH)
    sizes = {kind: _compressed_bytes(strips, pixel_bytes, kind, _LOW) for kind in kinds}
    if rows.size <= _MIDDLE_BYTES:
        return PngStrategy(min(kinds, key=sizes.__getitem__), (_MEDIUM,))
    best = min(kinds, key=sizes.__getitem__)
    kind = best if sizes[best] < _MAX_RATIO_TO_UP * sizes[filters.UP] else filters.UP
    pillows = _compressed_bytes(strips, pixel_bytes, filters.ADAPTIVE, _PILLOW)
    return PngStrategy(kind, _levels(sizes[kind] / pillows))


def _smallest(rows: np.ndarray, pixel_bytes: int) -> PngStrategy:
    """Filter and level that compress best: the whole of a small image, strips of a large one."""
    whole = rows.size <= _WHOLE_BYTES
    tried = [(rows, slice(0, len(rows)))] if whole else _sample_strips(rows, pixel_bytes, _TALL)
    kinds = (filters.NONE, filters.UP, filters.SUB, filters.PAETH, filters.ADAPTIVE)
    sizes = {kind: _compressed_bytes(tried, pixel_bytes, kind, _PILLOW) for kind in kinds}
    best = min(kinds, key=sizes.__getitem__)
    by_level = {each: _compressed_bytes(tried, pixel_bytes, best, each) for each in _HIGHEST}
    return PngStrategy(best, (min(_HIGHEST, key=by_level.__getitem__),))


def _levels(ratio: float) -> tuple[int, ...]:
    """ratio: bytes of the strips at the low level to those compressed in Pillow's way."""
    if ratio <= _MAX_RATIO_LOW:
        return (_LOW,)
    return (_LOW, _LOW_PLUS) if ratio <= _MAX_RATIO_MIXED else (_MEDIUM,)


def _sample_strips(
    rows: np.ndarray, pixel_bytes: int, height: int = _STRIP
) -> list[tuple[np.ndarray, slice]]:
    """Bands of its middle columns, spread evenly over the rows that are not all zero."""
    left = max(0, (rows.shape[1] - _WIDTH) // 2 // pixel_bytes * pixel_bytes)
    middle = rows[:, left : left + _WIDTH]
    filled = np.flatnonzero(middle[::_BLOCK].any(axis=1)) * _BLOCK
    if not len(filled):
        return [(middle, slice(0, height))]
    tops = filled[np.linspace(0, len(filled), 2 * _STRIPS + 1)[1::2].astype(int)]
    tops[1::2] += _STRIP
    inside = np.unique(tops[tops < len(rows)]).tolist()
    return [(middle, slice(top, top + height)) for top in inside]


def _compressed_bytes(
    strips: list[tuple[np.ndarray, slice]], pixel_bytes: int, kind: int, level: int
) -> int:
    how = PngStrategy(kind, (level,))
    bands = [compress_band(rows, pixel_bytes, how, band) for rows, band in strips]
    return sum(len(band.data) for band in bands)

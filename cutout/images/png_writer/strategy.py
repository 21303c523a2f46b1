"""Which filter and level pack a picture fast, and within 5 % of what Pillow's level 6 gives.

Which filter packs best depends on the picture, by up to a sixth. So does what a low level costs:
against Pillow's level 6, level 3 gave from 7 % less to 10 % more, level 4 from 11 % less to 9 %
more and takes a fifth longer, level 5 from 14 % less to 6 % more and another fifth of the time
(`benchmarks/codecs.py`). So strips of each picture are packed in a few ways first, and only large
pictures, where time counts, take a low level. Of all the pictures tried only very soft opaque ones
of 12 megapixels come out larger, by up to 6 %.
"""

import numpy as np

from cutout.images.png_writer import filters
from cutout.images.png_writer.deflate import PngStrategy, pack

# Rows of a strip and strips. JPEG's blocks of eight rows show in every filter's output, so strips
# are of upper and lower halves of blocks in turn.
_STRIP, _STRIPS, _BLOCK = 4, 8, 8
# Bytes of a row that are looked at: a picture of a single, endless row is not packed four times.
_WIDTH = 1 << 16
_FAST, _USUAL, _CAREFUL, _PILLOWS = 3, 4, 5, 6
# Up to so many bytes Pillow's own way takes milliseconds; it packs small, sharp pictures best.
_SMALL_BYTES = 1 << 21
# Up to so many bytes, 8 megapixels with alpha, the careful level takes no longer than the low ones
# on the 12 megapixels of a camera.
_MEDIUM_BYTES = 1 << 25
# How much smaller than the strips packed Pillow's way those of the fast level must be: for the
# fast level alone, and for it in every other band. The strips foresee up to 5 % too little.
_FAST_WORTH, _MIXED_WORTH = 0.98, 1.03
# On large pictures up packs nearly always best and is the fastest, so that others have to be so
# much smaller in the strips.
_UP_WORTH = 0.97


def choose(rows: np.ndarray, step: int) -> PngStrategy:
    """How to pack a picture. rows: (H, bytes a row) uint8. step: bytes a pixel."""
    if rows.size <= _SMALL_BYTES:
        return PngStrategy(filters.EACH_ROW, (_PILLOWS,))
    strips = _strips(rows, step)
    kinds = (filters.UP, filters.SUB, filters.PAETH)
    sizes = {kind: _packed(strips, step, kind, _FAST) for kind in kinds}
    if rows.size <= _MEDIUM_BYTES:
        return PngStrategy(min(kinds, key=sizes.__getitem__), (_CAREFUL,))
    best = min(kinds, key=sizes.__getitem__)
    kind = best if sizes[best] < _UP_WORTH * sizes[filters.UP] else filters.UP
    return PngStrategy(
        kind, _levels(sizes[kind] / _packed(strips, step, filters.EACH_ROW, _PILLOWS))
    )


def _levels(ratio: float) -> tuple[int, ...]:
    """ratio: bytes of the strips at the fast level to those packed Pillow's way."""
    if ratio <= _FAST_WORTH:
        return (_FAST,)
    return (_FAST, _USUAL) if ratio <= _MIXED_WORTH else (_CAREFUL,)


def _strips(rows: np.ndarray, step: int) -> list[tuple[np.ndarray, slice]]:
    """Bands of the picture, spread evenly over where it shows anything, in its middle columns."""
    left = max(0, (rows.shape[1] - _WIDTH) // 2 // step * step)
    middle = rows[:, left : left + _WIDTH]
    shown = np.flatnonzero(middle[::_BLOCK].any(axis=1)) * _BLOCK
    if not len(shown):
        return [(middle, slice(0, _STRIP))]
    tops = shown[np.linspace(0, len(shown), 2 * _STRIPS + 1)[1::2].astype(int)]
    tops[1::2] += _STRIP
    inside = np.unique(tops[tops < len(rows)]).tolist()
    return [(middle, slice(top, top + _STRIP)) for top in inside]


def _packed(strips: list[tuple[np.ndarray, slice]], step: int, kind: int, level: int) -> int:
    """Bytes of the strips, packed like this."""
    return sum(len(pack(rows, step, kind, level, band).data) for rows, band in strips)

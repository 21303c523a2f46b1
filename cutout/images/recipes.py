"""Which filter and level pack a picture fast, and little larger than Pillow's level 6 would.

Which filter packs best depends on the picture, by up to a sixth. So does what a low level costs:
level 3 gives from 4 % less to 7 % more than Pillow's level 6, level 4 from 9 % less to 3 % more
and takes a quarter longer (`benchmarks/codecs.py`). So strips of each picture are packed in a few
ways.
"""

import numpy as np

from . import filters
from .deflate import Recipe, pack

# Rows of a strip and strips. JPEG's blocks of eight rows show in every filter's output, so strips
# are of upper and lower halves of blocks in turn.
_STRIP, _STRIPS, _BLOCK = 4, 8, 8
# Bytes of a row that are looked at: a picture of a single, endless row is not packed four times.
_WIDTH = 1 << 16
_FAST, _USUAL, _PILLOWS = 3, 4, 6
# How much smaller than the strips packed Pillow's way those of the fast level must be: for the
# fast level alone, and for every other band. The strips foresee the whole up to 5 % too small.
_FAST_WORTH, _MIXED_WORTH = 0.98, 1.03
# What each filter's size counts: up is best on most large photographs, and the fastest.
_COST = {filters.UP: 0.97, filters.SUB: 1, filters.PAETH: 1}
# Up to so many bytes Pillow's own way takes a few milliseconds.
_SMALL_BYTES = 1 << 21


def choose(rows: np.ndarray, step: int) -> Recipe:
    """How to pack a picture. rows: (H, bytes a row) uint8. step: bytes a pixel."""
    if rows.size <= _SMALL_BYTES:
        return Recipe(filters.EACH_ROW, (_PILLOWS,))
    strips = _strips(rows, step)
    sizes = {kind: _packed(strips, step, kind, _FAST) for kind in _COST}
    kind = min(_COST, key=lambda kind: sizes[kind] * _COST[kind])
    size, pillows = sizes[kind], _packed(strips, step, filters.EACH_ROW, _PILLOWS)
    if size <= _FAST_WORTH * pillows:
        return Recipe(kind, (_FAST,))
    return Recipe(kind, (_FAST, _USUAL) if size <= _MIXED_WORTH * pillows else (_USUAL,))


def _strips(rows: np.ndarray, step: int) -> list[tuple[np.ndarray, slice]]:
    """Bands of the picture, spread evenly over where it shows anything, in its middle columns."""
    left = max(0, (rows.shape[1] - _WIDTH) // 2 // step * step)
    middle = rows[:, left : left + _WIDTH]
    shown = np.flatnonzero(middle[::_BLOCK].any(axis=1)) * _BLOCK
    if not len(shown):
        return [(middle, slice(0, _STRIP))]
    tops = shown[np.linspace(0, len(shown), 2 * _STRIPS + 1)[1::2].astype(int)]
    tops[1::2] += _STRIP
    return [
        (middle, slice(top, top + _STRIP)) for top in np.unique(tops).tolist() if top < len(rows)
    ]


def _packed(strips: list[tuple[np.ndarray, slice]], step: int, kind: int, level: int) -> int:
    """Bytes of the strips, packed like this."""
    return sum(len(pack(rows, step, kind, level, band).data) for rows, band in strips)

"""PNG's row filters: each byte as the difference to a prediction.

The prediction is the same channel of the pixel above (up) or to the left (sub), or whichever of
left, above and above left is nearest to their plane (paeth). Which packs best depends on the
picture, by up to a sixth; the usual rule, the smallest sum of differences, is often wrong on
grainy pictures. So a sample of each picture is packed with each, and the smallest wins.
Source: PNG specification, sections 9.2 to 9.4.
"""

from collections.abc import Callable

import numpy as np

Filter = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

SUB, UP, PAETH = 1, 2, 4
# The sample: strips of so many rows, so many of them, spread evenly.
_STRIP, _STRIPS = 8, 16
# How much smaller than the others paeth has to be, for it takes eight times as long.
_WORTH = 0.98


def choose(rows: np.ndarray, step: int, pack: Callable[[np.ndarray], bytes]) -> int:
    """Number of the filter that packs a sample of the picture best.

    rows: (H, bytes a row) uint8. step: bytes a pixel. pack: compresses like the file will be.
    """
    tops = np.unique(np.linspace(0, max(0, len(rows) - _STRIP), _STRIPS).astype(int))

    def packed_size(kind: int) -> float:
        strips = [filtered(rows, kind, slice(top, top + _STRIP), step) for top in tops]
        return len(pack(np.concatenate(strips))) / (_WORTH if kind == PAETH else 1)

    return min(_FILTERS, key=packed_size)


def filtered(rows: np.ndarray, kind: int, band: slice, step: int) -> np.ndarray:
    """A band of rows, filtered, each row behind the number of its filter.

    rows: (H, bytes a row) uint8, the whole picture. Returns (rows of band, 1 + bytes a row).
    """
    here, top = rows[band], band.start
    above = rows[top - 1 : top - 1 + len(here)]
    if not top:
        above = np.vstack([np.zeros_like(here[:1]), here[:-1]])
    result = np.empty((here.shape[0], here.shape[1] + 1), np.uint8)
    result[:, 0] = kind
    result[:, 1:] = _FILTERS[kind](here, above, step)
    return result


def _shifted(rows: np.ndarray, step: int) -> np.ndarray:
    result = np.empty_like(rows)
    result[:, :step] = 0
    result[:, step:] = rows[:, :-step]
    return result


def _up(here: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    return here - above


def _sub(here: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    return here - _shifted(here, step)


def _paeth(here: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """Section 9.4 in 8 bits, where the specification reckons with more.

    With a left, b above, c above left, the distances to a + b - c are |b - c|, |a - c| and
    |(a - c) + (b - c)|. Where a - c and b - c have one sign, the last is no smaller than the
    others and never wins; where they differ, it is the difference of the others.
    """
    left, corner = _shifted(here, step), _shifted(above, step)
    to_left = np.maximum(above, corner) - np.minimum(above, corner)
    to_above = np.maximum(left, corner) - np.minimum(left, corner)
    to_corner = np.maximum(to_left, to_above) - np.minimum(to_left, to_above)
    to_corner |= np.where((left < corner) == (above < corner), 255, 0).astype(np.uint8)
    nearest = np.where(to_above <= to_corner, above, corner)
    is_left = (to_left <= to_above) & (to_left <= to_corner)
    return here - np.where(is_left, left, nearest)


_FILTERS: dict[int, Filter] = {UP: _up, SUB: _sub, PAETH: _paeth}

"""An image's rows as one zlib stream, its bands compressed in parallel, as pigz does.

A band is a run of rows. Each is compressed by itself, with the 32 KiB before it as its dictionary,
and ends on a byte boundary (a sync flush), so that the results in their order are one stream. The
bytes depend on the image alone, never on the number of threads.
Source: RFC 1950, RFC 1951; M. Adler, pigz.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from isal import isal_zlib
from zlib_ng import zlib_ng

from cutout import parallel
from cutout.images.png_writer.filters import filter_rows

# Bytes of a band: large enough that its own Huffman tables and scheduling cost nothing, small
# enough to stay in a core's cache and to give every core work.
_BAND_BYTES = 1 << 19
_WINDOW = 1 << 15
# Deflate with a window of 32 KiB; "fast" as the level, which decoders ignore.
_HEADER = b"\x78\x5e"
_ADLER_BASE = 65521


@dataclass(frozen=True)
class PngStrategy:
    """A row filter, and levels of the library, which are applied to the bands in rotation."""

    filter: int
    levels: tuple[int, ...]
    library: Literal["zlib-ng", "isal"] = "zlib-ng"

    def with_level(self, level: int) -> "PngStrategy":
        """The same with one level for all bands."""
        return replace(self, levels=(level,))


@dataclass(frozen=True)
class CompressedBand:
    """data: raw deflate; adler, length: Adler-32 and length of the bytes before compression."""

    data: bytes
    adler: int
    length: int


def stream(rows: np.ndarray, pixel_bytes: int, strategy: PngStrategy) -> Iterator[bytes]:
    """The zlib stream, one part for each band.

    rows: (H, bytes a row) uint8. At any time at most one filtered band for each core exists.
    """
    height = max(1, _BAND_BYTES // rows.shape[1])
    # An empty band after as many empty rows as its dictionary and filter reach back to: of each
    # level one is compressed.
    empty: dict[int, CompressedBand] = {}
    reach = 1 + _preceding_rows(rows)
    bands = [slice(top, min(top + height, len(rows))) for top in range(0, len(rows), height)]

    def compress(band: slice) -> CompressedBand:
        level = strategy.levels[band.start // height % len(strategy.levels)]
        inner = reach <= band.start and band.stop < len(rows)
        if not inner or rows[band.start - reach : band.stop].any():
            return compress_band(rows, pixel_bytes, strategy.with_level(level), band)
        if level not in empty:
            empty[level] = compress_band(rows, pixel_bytes, strategy.with_level(level), band)
        return empty[level]

    yield _HEADER
    adler = 1
    for compressed in parallel.parallel_map(compress, bands):
        adler = combine_adler(adler, compressed)
        yield compressed.data
    yield adler.to_bytes(4, "big")


def compress_band(
    rows: np.ndarray, pixel_bytes: int, strategy: PngStrategy, band: slice
) -> CompressedBand:
    """One band, at the strategy's first level; the last of an image ends the stream."""
    # Rows before the band are filtered once more: another thread may be working on them.
    preceding = min(band.start, _preceding_rows(rows))
    raw = filter_rows(rows, strategy.filter, slice(band.start - preceding, band.stop), pixel_bytes)
    before, own = raw[:preceding].reshape(-1), raw[preceding:].reshape(-1)
    # The two have the same functions and constants, those of Python's zlib.
    zlib = isal_zlib if strategy.library == "isal" else zlib_ng
    compressor = zlib.compressobj(
        strategy.levels[0], zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before[-_WINDOW:]
    )
    ending = zlib.Z_SYNC_FLUSH if band.stop < len(rows) else zlib.Z_FINISH
    compressed = compressor.compress(own) + compressor.flush(ending)
    return CompressedBand(compressed, zlib_ng.adler32(own), len(own))


def _preceding_rows(rows: np.ndarray) -> int:
    """Rows that fill the dictionary of a band, each with its byte for the filter."""
    row_bytes: int = rows.shape[1] + 1
    return math.ceil(_WINDOW / row_bytes)


def combine_adler(adler: int, band: CompressedBand) -> int:
    """Adler-32 of all bytes before and the band. RFC 1950, section 8: two sums modulo 65521."""
    first, second = adler & 0xFFFF, adler >> 16
    low = (first + (band.adler & 0xFFFF) - 1) % _ADLER_BASE
    high = (second + (band.adler >> 16) + band.length * (first - 1)) % _ADLER_BASE
    return high << 16 | low

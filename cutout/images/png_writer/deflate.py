"""A picture's rows as one zlib stream, its bands packed side by side, the way pigz does it.

Each band is deflated apart, with the 32 KiB before it as its dictionary, and ends on a byte
boundary (a sync flush), so that the pieces in their order are one stream. What comes out depends
on the picture alone, never on the number of threads.
Source: RFC 1950, RFC 1951; M. Adler, pigz.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from zlib_ng import zlib_ng

from cutout import parallel
from cutout.images.png_writer.filters import filtered

# Bytes of a band: large enough that its own Huffman tables and hand-over cost nothing, small enough
# to stay in a core's cache and to give every core work.
_BAND_BYTES = 1 << 19
_WINDOW = 1 << 15
# Deflate with a window of 32 KiB; "fast" as the level, which no decoder heeds.
_HEADER = b"\x78\x5e"
_ADLER_BASE = 65521


@dataclass(frozen=True)
class PngStrategy:
    """How a picture is packed: kind is a row filter; zlib-ng's levels take turns over the bands."""

    kind: int
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """A packed band: data is raw deflate; adler and length are of what was packed."""

    data: bytes
    adler: int
    length: int


def stream(rows: np.ndarray, step: int, strategy: PngStrategy) -> Iterator[bytes]:
    """The zlib stream, a part a band.

    rows: (H, bytes a row) uint8. step: bytes a pixel. At any time no more than a band a core
    exists unpacked.
    """
    height = max(1, _BAND_BYTES // rows.shape[1])
    bands = [slice(top, min(top + height, len(rows))) for top in range(0, len(rows), height)]

    def work(band: slice) -> Piece:
        level = strategy.levels[band.start // height % len(strategy.levels)]
        return pack(rows, step, strategy.kind, level, band)

    yield _HEADER
    adler = 1
    for piece in parallel.parallel_map(work, bands):
        adler = combine_adler(adler, piece)
        yield piece.data
    yield adler.to_bytes(4, "big")


def pack(rows: np.ndarray, step: int, kind: int, level: int, band: slice) -> Piece:
    """One band; the last of a picture ends the stream."""
    # Rows before the band are filtered once more, for they may be in another thread's hands.
    behind = min(band.start, -(-_WINDOW // (rows.shape[1] + 1)))
    raw = filtered(rows, kind, slice(band.start - behind, band.stop), step)
    before, own = raw[:behind].reshape(-1), raw[behind:].reshape(-1)
    packer = zlib_ng.compressobj(
        level, zlib_ng.DEFLATED, -zlib_ng.MAX_WBITS, zdict=before[-_WINDOW:]
    )
    ending = zlib_ng.Z_SYNC_FLUSH if band.stop < len(rows) else zlib_ng.Z_FINISH
    return Piece(packer.compress(own) + packer.flush(ending), zlib_ng.adler32(own), len(own))


def combine_adler(adler: int, piece: Piece) -> int:
    """Adler-32 of all before and the piece. RFC 1950, section 8: two sums modulo 65521."""
    first, second = adler & 0xFFFF, adler >> 16
    low = (first + (piece.adler & 0xFFFF) - 1) % _ADLER_BASE
    high = (second + (piece.adler >> 16) + piece.length * (first - 1)) % _ADLER_BASE
    return high << 16 | low

"""Structure of a PNG file, checked before a decoder sees it.

Pillow lets through wrong checksums of pixel data, doubled or misplaced chunks and animations
that contradict themselves. Such a file was damaged or forged on its way, so it is refused.
Source: PNG specification, third edition (W3C, 2025), sections 5, 11 and 13.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cutout.errors import UndecodableImage

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ONCE = {
    *(b"IHDR", b"PLTE", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"bKGD"),
    *(b"pHYs", b"tIME", b"hIST", b"sBIT", b"eXIf", b"acTL", b"cICP", b"mDCV", b"cLLI"),
}
_BEFORE_PLTE = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI"}
_BEFORE_IDAT = _BEFORE_PLTE | {b"PLTE", b"tRNS", b"bKGD", b"hIST", b"pHYs", b"acTL", b"sPLT"}
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
# One-byte IDAT chunks are legal and seen; a file of nothing but empty chunks is an attack.
_MAX_CHUNKS = 100_000


@dataclass
class PngHeader:
    """IHDR, and what the walk over the chunks learnt."""

    width: int
    height: int
    depth: int
    colour: int
    frames: int = 1
    seen: list[bytes] = field(default_factory=list)


def _fail(what: str) -> UndecodableImage:
    return UndecodableImage(f"The PNG file is damaged: {what}. Export it again.")


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of each chunk up to IEND; raises where length or checksum are wrong."""
    view, at = memoryview(data), 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            raise _fail("it ends too early")
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise _fail("it ends too early")
        kind = bytes(view[at + 4 : at + 8])
        if not kind.isalpha():
            raise _fail("a chunk has no valid name")
        if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise _fail(f"checksum of {kind.decode()} is wrong")
        yield kind, view[at + 8 : end]
        if kind == b"IEND":
            return
        at = end + 4
    raise _fail("it has too many chunks")


def read_header(data: bytes) -> PngHeader:
    """IHDR alone, so that limits can be checked before the file is walked."""
    kind, body = next(chunks(data))
    if kind != b"IHDR" or len(body) != 13:
        raise _fail("it does not begin with IHDR")
    width, height, depth, colour, packing, filters, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise _fail("its size is not valid")
    if depth not in _DEPTHS.get(colour, ()) or packing or filters or interlace > 1:
        raise _fail("IHDR names no known kind of PNG")
    return PngHeader(width, height, depth, colour)


def check(data: bytes) -> PngHeader:
    """Walk the whole file; raise UndecodableImage at the first thing that is wrong."""
    header = read_header(data)
    animation = _Animation()
    for kind, body in chunks(data):
        _check_order(kind, header.seen)
        _check_body(kind, body, header)
        animation.take(kind, body, b"IDAT" in header.seen)
        header.seen.append(kind)
    if b"IDAT" not in header.seen:
        raise _fail("it has no pixels")
    header.frames = animation.frames()
    return header


def _check_order(kind: bytes, seen: list[bytes]) -> None:
    if kind[0] < ord("a") and kind not in _CRITICAL:
        raise _fail(f"it needs {kind.decode()}, which is unknown")
    if kind in _ONCE and kind in seen:
        raise _fail(f"it has {kind.decode()} twice")
    if kind in _BEFORE_IDAT and b"IDAT" in seen:
        raise _fail(f"{kind.decode()} comes too late")
    if kind in _BEFORE_PLTE and b"PLTE" in seen:
        raise _fail(f"{kind.decode()} comes too late")
    if kind == b"IDAT" and b"IDAT" in seen and seen[-1] != b"IDAT":
        raise _fail("its pixels are not in one piece")


def _check_body(kind: bytes, body: memoryview, header: PngHeader) -> None:
    if kind == b"PLTE":
        entries, rest = divmod(len(body), 3)
        most = 2**header.depth if header.colour == 3 else 256
        if rest or not 0 < entries <= most or header.colour in (0, 4):
            raise _fail("its palette is not valid")
    elif kind == b"IDAT" and header.colour == 3 and b"PLTE" not in header.seen:
        raise _fail("its palette is missing")
    elif kind == b"IEND" and len(body):
        raise _fail("IEND is not empty")
    elif kind == b"tRNS":
        sizes = {0: (2,), 2: (6,), 3: range(1, 257)}.get(header.colour, ())
        if len(body) not in sizes or (header.colour == 3 and b"PLTE" not in header.seen):
            raise _fail("its transparency is not valid")


class _Animation:
    """Book-keeping of acTL, fcTL and fdAT (APNG)."""

    def __init__(self) -> None:
        self.declared = 0
        self.controls: list[bool] = []
        self.sequence = 0
        self.still = 0

    def take(self, kind: bytes, body: memoryview, after_pixels: bool) -> None:
        if kind == b"acTL":
            self._declare(body)
        elif kind == b"fcTL":
            self._count(body, 26)
            self._frame(after_pixels)
        elif kind == b"fdAT":
            self._count(body, None)
            if not self.controls or not after_pixels:
                raise _fail("a frame lacks its description")
            self.controls[-1] = True
        elif kind == b"IDAT" and self.controls:
            self.controls[-1] = True
        elif kind == b"IDAT" and self.declared:
            self.still = 1

    def _declare(self, body: memoryview) -> None:
        if len(body) != 8:
            raise _fail("acTL is not valid")
        (self.declared,) = struct.unpack_from(">I", body)
        if not self.declared:
            raise _fail("it announces an animation without frames")

    def _count(self, body: memoryview, length: int | None) -> None:
        wrong = len(body) < 4 if length is None else len(body) != length
        if wrong or not self.declared or struct.unpack_from(">I", body)[0] != self.sequence:
            raise _fail("its animation contradicts itself")
        self.sequence += 1

    def _frame(self, after_pixels: bool) -> None:
        if self.controls and (not after_pixels or not self.controls[-1]):
            raise _fail("a frame has no pixels")
        self.controls.append(False)

    def frames(self) -> int:
        """Pictures in the file; a default image outside the animation counts too."""
        if len(self.controls) != self.declared or not all(self.controls):
            raise _fail("its animation contradicts itself")
        return max(1, self.declared + self.still)

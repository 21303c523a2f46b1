"""Structure of a PNG file, checked before a decoder sees it.

Pillow lets through wrong checksums of pixel data, doubled or misplaced chunks and animations
that contradict themselves. Such a file was damaged or forged, so it is refused.
Source: PNG specification, third edition (W3C, 2025), sections 5, 11 and 13.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cutout.errors import UndecodableImage

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_AT_MOST_ONCE = {
    *(b"IHDR", b"PLTE", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"bKGD"),
    *(b"pHYs", b"tIME", b"hIST", b"sBIT", b"eXIf", b"acTL", b"cICP", b"mDCV", b"cLLI"),
}
_BEFORE_PLTE = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI"}
_BEFORE_IDAT = _BEFORE_PLTE | {b"PLTE", b"tRNS", b"bKGD", b"hIST", b"pHYs", b"acTL", b"sPLT"}
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_PIXELS = {b"IDAT", b"fcTL", b"fdAT"}
# One-byte IDAT chunks are legal and occur; encoders write pixels in chunks of 8 KiB or more. Of
# other chunks, which hold text and colour information, a file has a few dozen at most.
_MAX_CHUNKS = 100_000
_MAX_CHUNKS_WITHOUT_PIXELS = 1_000


@dataclass
class PngHeader:
    """IHDR, and what the chunks after it say.

    seen: their types so far; last: the newest; exif: body of eXIf, which may follow the pixels.
    """

    width: int
    height: int
    depth: int
    colour: int
    frames: int = 1
    seen: set[bytes] = field(default_factory=set)
    last: bytes = b""
    exif: bytes = b""


def _damaged(what: str) -> UndecodableImage:
    return UndecodableImage(f"The PNG file is damaged: {what}. Export it again.")


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of each chunk up to IEND; raises where length or checksum are wrong."""
    view, offset = memoryview(data), 8
    without_pixels = 0
    for _ in range(_MAX_CHUNKS):
        if offset + 12 > len(data):
            raise _damaged("it ends too early")
        (length,) = struct.unpack_from(">I", data, offset)
        end = offset + 8 + length
        if end + 4 > len(data):
            raise _damaged("it ends too early")
        kind = bytes(view[offset + 4 : offset + 8])
        if not kind.isalpha():
            raise _damaged("a chunk has no valid name")
        if zlib.crc32(view[offset + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise _damaged(f"checksum of {kind.decode()} is wrong")
        without_pixels += kind not in _PIXELS
        if without_pixels > _MAX_CHUNKS_WITHOUT_PIXELS:
            break
        yield kind, view[offset + 8 : end]
        if kind == b"IEND":
            return
        offset = end + 4
    raise _damaged("it has too many chunks")


def read_header(data: bytes) -> PngHeader:
    """IHDR alone, so that limits can be checked before the whole file is read."""
    kind, body = next(chunks(data))
    if kind != b"IHDR" or len(body) != 13:
        raise _damaged("it does not begin with IHDR")
    width, height, depth, colour, method, filters, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise _damaged("its size is not valid")
    if depth not in _DEPTHS.get(colour, ()) or method or filters or interlace > 1:
        raise _damaged("IHDR names no known kind of PNG")
    return PngHeader(width, height, depth, colour)


def check_png(data: bytes, header: PngHeader) -> None:
    """Check all chunks, and add to `header` what they say.

    header: of `read_header`. Raises UndecodableImage at the first fault.
    """
    animation = _Animation()
    for kind, body in chunks(data):
        _check_order(kind, header)
        _check_body(kind, body, header)
        animation.add(kind, body, b"IDAT" in header.seen)
        header.seen.add(kind)
        header.last = kind
    if b"IDAT" not in header.seen:
        raise _damaged("it has no pixels")
    header.frames = animation.frames()


def _check_order(kind: bytes, header: PngHeader) -> None:
    seen = header.seen
    if kind[0] < ord("a") and kind not in _CRITICAL:
        raise _damaged(f"it needs {kind.decode()}, which is unknown")
    if kind in _AT_MOST_ONCE and kind in seen:
        raise _damaged(f"it has {kind.decode()} twice")
    if kind in _BEFORE_IDAT and b"IDAT" in seen:
        raise _damaged(f"{kind.decode()} comes too late")
    if kind in _BEFORE_PLTE and b"PLTE" in seen:
        raise _damaged(f"{kind.decode()} comes too late")
    if kind == b"IDAT" and b"IDAT" in seen and header.last != b"IDAT":
        raise _damaged("its pixels are not in one piece")


def _check_body(kind: bytes, body: memoryview, header: PngHeader) -> None:
    if kind == b"PLTE":
        entries, rest = divmod(len(body), 3)
        limit = 2**header.depth if header.colour == 3 else 256
        if rest or not 0 < entries <= limit or header.colour in (0, 4):
            raise _damaged("its palette is not valid")
    elif kind == b"IDAT" and header.colour == 3 and b"PLTE" not in header.seen:
        raise _damaged("its palette is missing")
    elif kind == b"eXIf":
        header.exif = bytes(body)
    elif kind == b"IEND" and len(body):
        raise _damaged("IEND is not empty")
    elif kind == b"tRNS":
        sizes = {0: (2,), 2: (6,), 3: range(1, 257)}.get(header.colour, ())
        if len(body) not in sizes or (header.colour == 3 and b"PLTE" not in header.seen):
            raise _damaged("its transparency is not valid")


class _Animation:
    """Frames by acTL, fcTL and fdAT (APNG)."""

    def __init__(self) -> None:
        self.declared = 0
        self.controls: list[bool] = []
        self.sequence = 0
        self.default_image = 0

    def add(self, kind: bytes, body: memoryview, after_idat: bool) -> None:
        if kind == b"acTL":
            self._declare(body)
        elif kind == b"fcTL":
            self._check_sequence(body, 26)
            self._begin_frame(after_idat)
        elif kind == b"fdAT":
            self._check_sequence(body, None)
            if not self.controls or not after_idat:
                raise _damaged("a frame lacks its description")
            self.controls[-1] = True
        elif kind == b"IDAT" and self.controls:
            self.controls[-1] = True
        elif kind == b"IDAT" and self.declared:
            self.default_image = 1

    def _declare(self, body: memoryview) -> None:
        if len(body) != 8:
            raise _damaged("acTL is not valid")
        (self.declared,) = struct.unpack_from(">I", body)
        if not self.declared:
            raise _damaged("it announces an animation without frames")

    def _check_sequence(self, body: memoryview, length: int | None) -> None:
        wrong = len(body) < 4 if length is None else len(body) != length
        if wrong or not self.declared or struct.unpack_from(">I", body)[0] != self.sequence:
            raise _damaged("its animation contradicts itself")
        self.sequence += 1

    def _begin_frame(self, after_idat: bool) -> None:
        if self.controls and (not after_idat or not self.controls[-1]):
            raise _damaged("a frame has no pixels")
        self.controls.append(False)

    def frames(self) -> int:
        """Images in the file; a default image outside the animation counts too."""
        if len(self.controls) != self.declared or not all(self.controls):
            raise _damaged("its animation contradicts itself")
        return max(1, self.declared + self.default_image)

"""Size of a WebP file from its first bytes.

Pillow's WebP decoder allocates the whole canvas when it opens a file, so limits have to be
checked before. Source: RFC 9649, sections 2.3 to 2.7; RFC 6386, section 9.1.
"""

import struct

from cutout.errors import UndecodableImage


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas; raises where the file is shorter than it says."""
    if len(data) < 30 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise UndecodableImage("The WebP file is cut off. Send it again.")
    kind = data[12:16]
    if kind == b"VP8X":
        return _uint24(data, 24) + 1, _uint24(data, 27) + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise UndecodableImage("The WebP file is damaged. Export it again.")


def _uint24(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 3], "little")

"""Structure of an EXIF block, of which only the orientation is used.

Where the block is torn, the orientation in it cannot be trusted, and a picture would be cut
out sideways without a word; so it is refused. What the tags mean is not checked: a camera that
writes a resolution of 0/0 did not damage the picture. Source: TIFF 6.0, section 2.
"""

import struct

from cutout.errors import UndecodableImage

_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


def check(block: bytes) -> None:
    """Refuse a block whose first directory is not all inside it."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if block and (order is None or not _whole(block, order)):
        raise UndecodableImage(
            "The EXIF block of the picture is damaged, so it is not known which side is up. "
            "Save it again or remove its EXIF block."
        )


def _whole(block: bytes, order: str) -> bool:
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        entries = [
            struct.unpack_from(order + "HHII", block, start + 2 + 12 * index)
            for index in range(count)
        ]
    except struct.error:
        return False
    return all(_inside(len(block), *entry) for entry in entries)


def _inside(length: int, _tag: int, kind: int, count: int, offset: int) -> bool:
    size = _BYTES_OF_TYPE.get(kind, 0) * count
    return size <= 4 or offset + size <= length

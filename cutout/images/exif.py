"""Structure of an EXIF block, of which only the orientation is used.

Where the block is damaged, the orientation in it cannot be trusted and the image might be cut out
sideways unnoticed, so it is refused. What the tags mean is not checked: a camera that writes a
resolution of 0/0 did not damage the image. Source: TIFF 6.0, section 2.
"""

import struct

from cutout.errors import UndecodableImage

_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


def check_exif(block: bytes) -> None:
    """Refuse a block whose first directory is not completely inside it."""
    block = block.removeprefix(b"Exif\0\0")
    byte_order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if block and (byte_order is None or not _directory_is_complete(block, byte_order)):
        raise UndecodableImage(
            "The EXIF block of the image is damaged, so it is not known which side is up. "
            "Save it again or remove its EXIF block."
        )


def _directory_is_complete(block: bytes, byte_order: str) -> bool:
    try:
        (start,) = struct.unpack_from(byte_order + "I", block, 4)
        (count,) = struct.unpack_from(byte_order + "H", block, start)
        entries = [
            struct.unpack_from(byte_order + "HHII", block, start + 2 + 12 * index)
            for index in range(count)
        ]
    except struct.error:
        return False
    return all(_entry_fits(len(block), *entry) for entry in entries)


def _entry_fits(length: int, _tag: int, kind: int, count: int, offset: int) -> bool:
    size = _BYTES_OF_TYPE.get(kind, 0) * count
    return size <= 4 or offset + size <= length

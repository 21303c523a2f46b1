"""The type of a file by its first bytes; names and declared types are ignored."""

from cutout.errors import EmptyFile, UnsupportedType
from cutout.images.limits import Limits

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}

# Still images and their collections, coded by HEVC. ISO/IEC 23008-12.
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")


def sniff(data: bytes) -> str | None:
    """Name of the format, or None where the first bytes are of no known one."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "AVIF"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "HEIC"
    return next((name for start, name in _SIGNATURES.items() if data.startswith(start)), None)


def allowed_type(data: bytes, limits: Limits) -> str:
    """Name of the format, if `limits` allows it."""
    if not data:
        raise EmptyFile("The file is empty. Send an image.")
    name = sniff(data)
    if name is None or name not in limits.formats:
        found = f"The file is of type {name}" if name else "The file is of no known image type"
        raise UnsupportedType(
            f"{found}. Send one of: {', '.join(limits.formats)}.",
            found=name,
            allowed=list(limits.formats),
        )
    return name

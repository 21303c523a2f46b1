"""Names of the files we store. Files with any other name are never read, changed or deleted."""

import re
import secrets

from cutout.files import final_name

# The formats of uploads, the types of results, and the record.
SUFFIXES = ("json", "png", "webp", "jpg", "jpeg", "avif", "tiff", "bmp", "gif", "heic")
_ID = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(rf"({_ID.pattern})\.(?:{'|'.join(SUFFIXES)})")


def new_id() -> str:
    """32 hexadecimal digits: 128 random bits."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def file_name(name: str, suffix: str) -> str:
    """File name of an id. Raises ValueError for a suffix that `id_of` would not know again."""
    if suffix not in SUFFIXES:
        raise ValueError(f"{suffix!r} is not among the suffixes of stored files")
    return f"{name}.{suffix}"


def id_of(file: str) -> str | None:
    """The id in a file name of ours, finished or still being written; None for other names."""
    match = _FILE.fullmatch(final_name(file) or file)
    return match[1] if match else None


def is_unfinished(file: str) -> bool:
    """Whether the file was still being written."""
    return final_name(file) is not None

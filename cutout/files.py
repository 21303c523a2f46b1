"""Whole files on disk: written atomically, and their hashes."""

import hashlib
import os
import re
import secrets
import sys
from pathlib import Path

_PART = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)


def write_atomically(path: Path, data: bytes, fsync: bool = False, mode: int = 0o666) -> None:
    """Write so that a reader sees the old file or the whole new one, never a part of it.

    fsync: return only when file and name are on the disk. mode: permissions of a new file, less
    the process's umask. Raises OSError; what was written until then is removed.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if fsync:
        fsync_folder(path.parent)


def final_name(part: str) -> str | None:
    """The file name that a part is written for; None for names `write_atomically` never uses."""
    match = _PART.fullmatch(part)
    return match[1] if match else None


def hash_of(path: Path, kind: str = "sha256") -> str:
    """The file's hash as hex digits. kind: a name of `hashlib`. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def fsync_folder(folder: Path) -> None:
    """Return when the names of the folder's files are on the disk; Windows has no call for that."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files derived from verified weights: each has its SHA-256 in a file beside it, checked at start.

The engines load a graph or compiled model with a flipped bit without an error.
"""

import errno
import hashlib
import logging
from pathlib import Path

from cutout.errors import ConfigurationError
from cutout.files import hash_of, write_atomically

log = logging.getLogger(__name__)
SUFFIX = ".sha256"
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_derived(path: Path, data: bytes) -> None:
    """Store a file of the cache folder; it is on the disk when this returns.

    Of two processes that build the same file at once the last wins. Raises ConfigurationError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, fsync=True)
    except OSError as error:
        if error.errno in FULL:
            raise ConfigurationError(
                f"a derived model could not be stored ({error.strerror}); free some disk space"
            ) from error
        raise ConfigurationError(
            f"the cache folder cannot be written ({error.strerror}); set another one"
        ) from error


def write_checksum(path: Path) -> None:
    """Store the file's hash beside it; nothing when another process has removed the file."""
    try:
        write_derived(checksum_path(path), hash_of(path).encode())
    except FileNotFoundError:
        log.info("a derived file was removed before its hash was stored")


def verify_checksum(path: Path) -> bool:
    """Whether file and hash are there and agree."""
    try:
        return checksum_path(path).read_text() == hash_of(path)
    except (OSError, UnicodeDecodeError):
        return False


def read_verified(path: Path) -> bytes | None:
    """The bytes of a file that agrees with its hash; None for any other."""
    try:
        data, known = path.read_bytes(), checksum_path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return data if hashlib.sha256(data).hexdigest() == known else None


def checksum_path(path: Path) -> Path:
    """Path of the file's hash."""
    return path.with_name(path.name + SUFFIX)

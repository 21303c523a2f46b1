"""Files that we made from verified weights: each has its SHA-256 beside it, checked at start.

A flipped bit in a graph or a compiled model would change cut-outs and no engine would notice.
"""

import errno
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
    """Write down the file's hash; nothing when another process has removed it meanwhile."""
    try:
        write_derived(checksum_path(path), hash_of(path).encode())
    except FileNotFoundError:
        log.info("a derived file was gone before it was sealed")


def verify_checksum(path: Path) -> bool:
    """Whether the file is there, sealed, and what was sealed."""
    try:
        return checksum_path(path).read_text() == hash_of(path)
    except (OSError, UnicodeDecodeError):
        return False


def remove_damaged(folder: Path, pattern: str) -> None:
    """Remove what is not intact, so that it is made anew."""
    for path in folder.glob(pattern):
        if not verify_checksum(path):
            log.warning("a compiled model in the cache is damaged or was left half-made: making it")
            path.unlink(missing_ok=True)


def write_checksums(folder: Path, pattern: str) -> None:
    """Seal what is new, once the damaged ones are dropped."""
    for path in folder.glob(pattern):
        if not verify_checksum(path):
            write_checksum(path)


def checksum_path(path: Path) -> Path:
    """Where the file's hash stands."""
    return path.with_name(path.name + SUFFIX)

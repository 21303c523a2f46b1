"""Files that we made from verified weights: each has its SHA-256 beside it, checked at start.

A flipped bit in a graph or a compiled model would change cut-outs and no engine would notice.
"""

import hashlib
import logging
from pathlib import Path

from cutout.runtimes.files import write_atomically

log = logging.getLogger(__name__)
SUFFIX = ".sha256"


def write_checksum(path: Path) -> None:
    """Write down the file's hash; nothing when another process has removed it meanwhile."""
    try:
        write_atomically(checksum_path(path), _digest(path).encode())
    except FileNotFoundError:
        log.info("a derived file was gone before it was sealed")


def verify_checksum(path: Path) -> bool:
    """Whether the file is there, sealed, and what was sealed."""
    try:
        return checksum_path(path).read_text() == _digest(path)
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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

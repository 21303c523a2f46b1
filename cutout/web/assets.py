"""The page's files in memory, under an address that changes with their content."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

MIMETYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".txt": "text/plain; charset=utf-8",
}
VERSION_DIGITS = 12
# Comments that have a line to themselves, and indentation: a fifth of what would be sent.
COMMENT = re.compile(rb"^[ \t]*(//.*|/\*.*\*/)$", re.MULTILINE)
INDENTATION = re.compile(rb"^[ \t]+", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, the same in gzip (None where that saves nothing), its media type."""

    data: bytes
    gzipped: bytes | None
    mimetype: str


@dataclass(frozen=True)
class Assets:
    """All files by their path below the folder. version: hexadecimal hash over all of them.

    The files may be cached for ever under an address that holds the version; modules that import
    each other by relative addresses then always come from the same version.
    """

    files: dict[str, Asset]
    version: str


def load(folder: Path) -> Assets:
    """Read every file of a known type below `folder`."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in MIMETYPES)
    files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
    digest = hashlib.sha256()
    for name, asset in files.items():
        digest.update(f"{name}\0{len(asset.data)}\0".encode() + asset.data)
    return Assets(files, digest.hexdigest()[:VERSION_DIGITS])


def without_comments(data: bytes) -> bytes:
    """Our scripts and styles as they are sent: their lines keep their numbers."""
    return INDENTATION.sub(b"", COMMENT.sub(b"", data))


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    if path.suffix in (".css", ".js") and path.parent.name != "vendor":
        data = without_comments(data)
    return make(data, MIMETYPES[path.suffix])


def make(data: bytes, mimetype: str) -> Asset:
    """An asset of these bytes, compressed where that saves something."""
    gzipped = gzip.compress(data, 9, mtime=0)
    return Asset(data, gzipped if len(gzipped) < len(data) else None, mimetype)

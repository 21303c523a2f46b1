"""ZIP archives of images: read with limits, named safely, written as a stream.

Source: APPNOTE.TXT (PKWARE), sections 4.3 and 4.4; the reading and writing is the standard
library's.
"""

import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from cutout.errors import InvalidRequest, TooManyBytes, UndecodableImage

START = (b"PK\x03\x04", b"PK\x05\x06")
ENCRYPTED = 0x1
# Compression methods that are read: stored and deflate. Others need libraries or unbounded memory.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What programs leave beside the files that a person put into an archive.
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
ERRORS = "errors.json"
# Of an archive's directory: bytes for each file that is allowed, and files that may be ignored.
DIRECTORY_BYTES, IGNORED_FILES = 1000, 1000
UNBOUNDED = 1 << 62


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold: files, bytes of one file, bytes of all files, both unpacked."""

    files: int
    file_bytes: int
    total_bytes: int


def is_archive(start: bytes) -> bool:
    """Whether a file that begins like this is a ZIP archive."""
    return start.startswith(START)


class _BoundedReads:
    """A file of which no more than `most` bytes are read at once: zipfile reads directories whole.

    Each entry costs ten times its bytes there, and is looked at before anything can be counted.
    """

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self.most = file, most
        self.seek, self.tell, self.close = file.seek, file.tell, file.close
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """Raises InvalidRequest for more than is allowed."""
        data = self._file.read(self.most + 1 if size < 0 else min(size, self.most + 1))
        if len(data) > self.most:
            raise InvalidRequest("The ZIP archive holds too many files. Send it in parts.")
        return data


class ImageArchive:
    """The files of a ZIP archive, read one at a time; only its directory is read at first."""

    def __init__(self, file: IO[bytes], limits: ArchiveLimits) -> None:
        """Check names, sizes and kinds. Raises InvalidRequest or TooManyBytes, naming the file."""
        self._limits, self._lock = limits, threading.Lock()
        try:
            bounded = _BoundedReads(file, DIRECTORY_BYTES * (limits.files + IGNORED_FILES))
            self._archive = zipfile.ZipFile(bounded)
            bounded.most = UNBOUNDED
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
            raise InvalidRequest("The ZIP archive is damaged. Pack it again.") from error
        self._members = [
            member
            for member in self._archive.infolist()
            if not member.is_dir() and not _is_ignored(member.filename)
        ]
        self._check()

    @property
    def names(self) -> list[str]:
        """Names of the files, with their folders, in the archive's order."""
        return [member.filename for member in self._members]

    def size_bytes(self, index: int) -> int:
        """Of one file, unpacked."""
        return self._members[index].file_size

    def read(self, index: int) -> bytes:
        """The bytes of one file. Raises UndecodableImage where it is damaged or too long."""
        member = self._members[index]
        try:
            with self._lock, self._archive.open(member) as file:
                data = file.read(member.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
            raise UndecodableImage("The file is damaged inside the archive.") from error
        if len(data) > member.file_size:
            raise UndecodableImage("The file is longer than the archive says.")
        return data

    def _check(self) -> None:
        limits, total = self._limits, sum(member.file_size for member in self._members)
        if not self._members:
            raise InvalidRequest("The ZIP archive holds no files. Pack images into it.")
        if len(self._members) > limits.files:
            raise InvalidRequest(
                f"The ZIP archive holds {len(self._members)} files; at most {limits.files} are "
                "allowed. Send it in parts.",
                limit=limits.files,
            )
        if total > limits.total_bytes:
            raise TooManyBytes(
                f"The files of the archive have {total:,} bytes; at most {limits.total_bytes:,} "
                "are allowed. Send it in parts.",
                limit=limits.total_bytes,
            )
        for member in self._members:
            _check_member(member, limits)


def _check_member(member: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    name = plain_name(member.filename)
    if member.flag_bits & ENCRYPTED:
        raise InvalidRequest(f"{name!r} is encrypted. Pack it without a password.")
    if member.compress_type not in METHODS:
        raise InvalidRequest(f"{name!r} is packed in an unusual way. Use stored or deflate.")
    if name.lower().endswith(".zip"):
        raise InvalidRequest(f"{name!r} is an archive inside the archive. Unpack it first.")
    if member.file_size > limits.file_bytes:
        raise TooManyBytes(
            f"{name!r} has {member.file_size:,} bytes; at most {limits.file_bytes:,} are allowed.",
            limit=limits.file_bytes,
        )


def _is_ignored(name: str) -> bool:
    return name.startswith(IGNORED[0]) or name.rsplit("/", 1)[-1] in IGNORED[1:]


def plain_name(name: str) -> str:
    """The last part of a path, whichever separator it was written with; never empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(char if char.isprintable() else "_" for char in last).strip(". ")
    return shown or "image"


def result_names(names: Iterable[str], suffix: str) -> Iterator[str]:
    """`SKU-1.jpg` -> `SKU-1.png`, folders removed; equal names are numbered `SKU-1-2.png`."""
    used = {ERRORS}
    for name in names:
        stem = PurePosixPath(plain_name(name)).stem
        wanted, number = f"{stem}.{suffix}", 1
        while wanted.lower() in used:
            number += 1
            wanted = f"{stem}-{number}.{suffix}"
        used.add(wanted.lower())
        yield wanted


class _Stream:
    """A file that can only be written to, and hands over what was written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: everything is handed over by `take`."""

    def close(self) -> None:
        """Do nothing: there is no file behind it."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zip_stream(files: Iterable[tuple[str, int, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP archive of the files, stored, in parts as they come; nothing else is kept in memory.

    files: the name of each, its size in bytes, and its bytes in parts.
    """
    stream = _Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, size, parts in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.file_size = size
            with archive.open(info, "w") as file:
                for part in parts:
                    file.write(part)
                    yield stream.take()
    yield stream.take()

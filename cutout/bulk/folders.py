"""Folders of images on a local disk or in an object store, by pyarrow's file systems."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cutout.errors import ConfigurationError, InvalidValue
from cutout.files import write_atomically

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif")
# An object of these stores appears when its upload is complete, never in part.
ATOMIC_STORES = ("s3", "gcs", "abfs")
COPY_BYTES = 4_000_000


@dataclass(frozen=True)
class Source:
    """One image file: its path below the folder, its size, and when it was changed (ns).

    bad_name: its name is not valid UTF-8; it cannot be named in a manifest.
    """

    key: str
    size_bytes: int
    modified_ns: int
    bad_name: bool = False


@dataclass(frozen=True)
class Folder:
    """A folder of a file system; keys are paths below it with `/` between their parts.

    uri: as it was given, for messages. Picklable: workers on other machines use it.
    """

    files: FileSystem
    path: str
    uri: str

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine's file system."""
        return str(self.files.type_name) == "local"

    def full(self, key: str) -> str:
        """The file system's path of a key."""
        return f"{self.path.rstrip('/')}/{key}"

    def read(self, key: str) -> bytes:
        """A whole file. Raises OSError."""
        with self.files.open_input_stream(self.full(key)) as stream:
            return bytes(stream.read())

    def write(self, key: str, data: bytes) -> None:
        """Write a file so that a reader sees the old one or the whole new one. Raises OSError."""
        if self.is_local:
            path = Path(self.full(key))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        else:
            self._write(key, [data])

    def write_file(self, key: str, path: Path) -> None:
        """Write a copy of a local file, as `write` does, a few megabytes in memory at a time."""
        with path.open("rb") as file:
            self._write(key, iter(lambda: file.read(COPY_BYTES), b""))

    def _write(self, key: str, chunks: Iterable[bytes]) -> None:
        path = self.full(key)
        part = path
        if self.files.type_name not in ATOMIC_STORES:
            part = f"{path}.{secrets.token_hex(4)}.part"
            self.files.create_dir(part.rpartition("/")[0], recursive=True)
        with self.files.open_output_stream(part) as stream:
            for chunk in chunks:
                stream.write(chunk)
        if part != path:
            self.files.move(part, path)

    def exists(self, keys: list[str]) -> list[bool]:
        """Which of the keys are files."""
        infos = self.files.get_file_info([self.full(key) for key in keys])
        return [bool(info.is_file) for info in infos]

    def names(self, folder: str) -> list[str]:
        """The keys of the files directly in a folder, sorted; none where it is missing."""
        infos = self.files.get_file_info(_selector(self.full(folder)))
        return sorted(f"{folder}/{info.base_name}" for info in infos if info.is_file)

    def remove(self, key: str) -> None:
        """Delete a file. Raises OSError."""
        self.files.delete_file(self.full(key))

    def images(self, excluded: str | None = None) -> Iterator[Source]:
        """Every image file by its suffix, folder after folder, without the folder `excluded`.

        excluded: a file system path. Local folders are read entry by entry; of an object store one
        folder's names are in memory at a time.
        """
        walk = self._local if self.is_local else self._remote
        left_out = excluded.rstrip("/") if excluded else None
        for source in walk(self.path, left_out):
            if source.key.lower().endswith(SUFFIXES):
                yield source

    def _local(self, folder: str, excluded: str | None) -> Iterator[Source]:
        subfolders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append(entry.path)
                elif entry.is_file():
                    status = entry.stat()
                    key = os.path.relpath(entry.path, self.path).replace(os.sep, "/")
                    shown = os.fsencode(key).decode("utf-8", "backslashreplace")
                    yield Source(shown, status.st_size, status.st_mtime_ns, shown != key)
        for subfolder in sorted(subfolders):
            if subfolder != excluded:
                yield from self._local(subfolder, excluded)

    def _remote(self, folder: str, excluded: str | None) -> Iterator[Source]:
        infos = self.files.get_file_info(_selector(folder))
        subfolders = sorted(
            info.path for info in infos if not info.is_file and info.path != excluded
        )
        for info in infos:
            if info.is_file:
                key = info.path[len(self.path.rstrip("/")) + 1 :]
                yield Source(key, info.size or 0, info.mtime_ns or 0)
        del infos
        for subfolder in subfolders:
            yield from self._remote(subfolder, excluded)


def _selector(folder: str) -> object:
    from pyarrow.fs import FileSelector

    return FileSelector(folder, allow_not_found=True)


def open_folder(place: str) -> Folder:
    """The folder that a path or a URI (s3://, gs://, file://, …) names.

    Raises InvalidValue for a URI that pyarrow does not know, ConfigurationError without pyarrow.
    """
    try:
        import pyarrow
        from pyarrow.fs import FileSystem, LocalFileSystem
    except ImportError:
        raise ConfigurationError(
            "pyarrow is not installed; install requirements-bulk.txt"
        ) from None
    if "://" not in place:
        return Folder(LocalFileSystem(), str(Path(place).resolve()), place)
    try:
        files, path = FileSystem.from_uri(place)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InvalidValue(f"{place!r} names no folder that pyarrow can open: {error}") from None
    return Folder(files, path, place)


def check_present(folder: Folder) -> None:
    """Raise InvalidValue where there is no such folder."""
    from pyarrow.fs import FileType

    if folder.files.get_file_info(folder.path).type != FileType.Directory:
        raise InvalidValue(f"{folder.uri!r} is no folder, or it cannot be read.")


def check_separate(source: Folder, target: Folder) -> str | None:
    """The path to leave out of the source: the target, where it is a subfolder of it.

    Raises InvalidValue where results would lie among the images and be taken as images later.
    """
    if not source.files.equals(target.files):
        return None
    inside, outside = source.path.rstrip("/") + "/", target.path.rstrip("/") + "/"
    if inside.startswith(outside):
        raise InvalidValue(
            "Results would lie among the images and be taken as images the next time; "
            "give another target folder."
        )
    return target.path if outside.startswith(inside) else None

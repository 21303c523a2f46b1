"""Saving, loading and deleting images with their records."""

import errno
import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from cutout.errors import NotFound, StorageFailed, StorageFull
from cutout.files import write_atomically
from cutout.storage.locks import FolderLock
from cutout.storage.names import SUFFIXES, file_name, id_of, is_id, is_unfinished, new_id
from cutout.storage.sweeping import Sweep, remove_expired, remove_leftovers

log = logging.getLogger(__name__)
Record = dict[str, Any]
CHUNK_BYTES = 262_144
UNKNOWN = "No result has this id; it may have expired or been deleted."


class Stored:
    """One finished image: its file as answered, in parts, and its record.

    Open from the beginning, so that it may be deleted meanwhile; `close` closes it, and so does
    forgetting it.
    """

    def __init__(self, file: IO[bytes], record: Record) -> None:
        self.record, self.size_bytes = record, os.fstat(file.fileno()).st_size
        self._file = file
        self.close = weakref.finalize(self, file.close)

    def __iter__(self) -> Iterator[bytes]:
        """All of it, once."""
        return iter(partial(self._file.read, CHUNK_BYTES), b"")


@dataclass
class Storage:
    """Keeps images for `keep_s` seconds and within `quota_bytes` together."""

    upload_dir: Path
    result_dir: Path
    keep_s: float = 86_400
    quota_bytes: int = 10_000_000_000
    last_sweep: Sweep = field(default=Sweep(), init=False)
    _used: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _folder_locks: list[FolderLock] = field(default_factory=list, init=False)

    def open(self) -> None:
        """Make the folders, remove what a crash left, and expire in the background.

        Leftovers stay where another server uses a folder: they may be its images in work.
        """
        for folder in self._folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder_locks = [FolderLock(folder) for folder in self._folders]
        if all([lock.try_exclusive() for lock in self._folder_locks]):
            removed = remove_leftovers(self.upload_dir, self.result_dir)
            if removed:
                log.info("removed %d files that an earlier run left unfinished", removed)
        for lock in self._folder_locks:
            lock.share()
        self.sweep()
        threading.Thread(target=self._sweep_often, name="sweeper", daemon=True).start()

    def close(self) -> None:
        """Stop expiring and give the folders up; what is stored stays."""
        self._stop.set()
        while self._folder_locks:
            self._folder_locks.pop().release()

    def save_upload(self, data: bytes, suffix: str) -> str:
        """Keep an upload under a new id and return the id (32 hex digits, 128 random bits)."""
        name = new_id()
        self._write(self.upload_dir / file_name(name, suffix), data)
        return name

    @contextmanager
    def upload(self, data: bytes, suffix: str) -> Iterator[str]:
        """Keep an upload while its result is made; whatever fails inside, nothing stays behind."""
        name = self.save_upload(data, suffix)
        finished = False
        try:
            yield name
            finished = True
        finally:
            if not finished:
                self._remove_upload(name)

    def save_result(self, name: str, data: bytes, record: Record) -> None:
        """Keep a finished image and then its record; `record["file"]` is its file name."""
        self._write(self.result_dir / record["file"], data)
        text = json.dumps(record, indent=1, sort_keys=True)
        self._write(self.result_dir / file_name(name, "json"), text.encode())

    def load(self, name: str) -> Stored:
        """Fetch a result again.

        Raises NotFound when the id is unknown, deleted or expired, or its record is damaged.
        """
        try:
            text = self._record_path(name).read_bytes()
            record = _parse_record(name, text)
            return Stored((self.result_dir / record["file"]).open("rb"), record)
        except FileNotFoundError:
            raise NotFound(UNKNOWN) from None
        except ValueError as error:
            log.warning("the record of result %s is damaged (%s)", name, error)
            raise NotFound("The record of this result is damaged; make it again.") from error

    def delete(self, name: str) -> None:
        """Delete a result, its record and its upload now; NotFound when there is none."""
        if not self._record_path(name).exists():
            raise NotFound(UNKNOWN)
        self._remove(name)

    def sweep(self) -> int:
        """Delete what is older than `keep_s`, recount what is left; return how many files went."""
        self.last_sweep = remove_expired(self._folders, time.time(), self.keep_s)
        with self._lock:
            self._used = self.last_sweep.kept_bytes
        return self.last_sweep.removed

    @property
    def _folders(self) -> list[Path]:
        """Each folder once: both settings may name the same."""
        return list(dict.fromkeys((self.upload_dir, self.result_dir)))

    def _sweep_often(self) -> None:
        while not self._stop.wait(min(max(self.keep_s / 10, 1), 600)):
            self.sweep()

    def _remove_upload(self, name: str) -> None:
        """After a failure, whose error is the one to tell; what is left expires."""
        try:
            self._remove(name)
        except OSError as error:
            log.warning("the upload of a failed image stays until it expires (%s)", error.strerror)

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file that only this user may read. Raises StorageFull, StorageFailed."""
        with self._lock:
            if self._used + len(data) > self.quota_bytes:
                raise StorageFull("The storage quota is used up; delete results or raise it.")
            self._used += len(data)
        written = False
        try:
            # Somebody may have deleted the folder while the service runs.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, data, mode=0o600)
            written = True
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("The disk is full; delete old results or add room.") from error
            raise StorageFailed(
                "The folder for images cannot be written now; the log has the reason."
            ) from error
        finally:
            if not written:
                self._release(len(data))

    def _release(self, count: int) -> None:
        with self._lock:
            self._used = max(0, self._used - count)

    def _remove(self, name: str) -> None:
        """Delete every file of an id, the record first: without it there is no result."""
        for path in [
            folder / file_name(name, suffix) for suffix in SUFFIXES for folder in self._folders
        ]:
            try:
                size = path.stat().st_size
                os.unlink(path)
            except FileNotFoundError:
                continue
            self._release(size)

    def _record_path(self, name: str) -> Path:
        if not is_id(name):
            raise NotFound("A result's id has 32 hexadecimal digits.")
        return self.result_dir / file_name(name, "json")


def _parse_record(name: str, text: bytes) -> Record:
    """The record in a file, with its file name confined to this id's. Raises ValueError."""
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
    if not isinstance(record, dict) or not isinstance(record.get("quality"), dict):
        raise ValueError("it is no record")
    file = record.get("file")
    if not isinstance(file, str) or not _is_result_of(name, file):
        raise ValueError("it names no file of this result")
    return record


def _is_result_of(name: str, file: str) -> bool:
    return id_of(file) == name and not is_unfinished(file) and not file.endswith(".json")

"""uploads/ and results/: unguessable names, atomic writes, expiry, quota.

A picture's files share one id: `uploads/<id>.<type>`, `results/<id>.<type>` and the side record
`results/<id>.json`. The record is written last, so a result exists when its record does.
"""

import errno
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cutout.errors import NotFound, StorageFull
from cutout.files import write_atomically

ID = re.compile(r"[0-9a-f]{32}")
TEMPORARY = ".part"


@dataclass(frozen=True)
class Stored:
    """One finished picture: `data` as answered, `record` as written beside it."""

    data: bytes
    record: dict


@dataclass
class Storage:
    """Keeps pictures for `keep_s` seconds and within `quota_bytes` together."""

    upload_dir: Path
    result_dir: Path
    keep_s: float = 86_400
    quota_bytes: int = 10_000_000_000
    _used: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)

    def open(self) -> None:
        """Make the folders, drop parts that a crash left, and expire in the background."""
        for folder in (self.upload_dir, self.result_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self.sweep()
        threading.Thread(target=self._sweep_often, name="sweeper", daemon=True).start()

    def close(self) -> None:
        """Stop expiring; what is stored stays."""
        self._stop.set()

    def save_upload(self, data: bytes, suffix: str) -> str:
        """Keep an upload under a new id and return the id (32 hex digits, 128 random bits)."""
        name = secrets.token_hex(16)
        self._write(self.upload_dir / f"{name}.{suffix}", data)
        return name

    @contextmanager
    def upload(self, data: bytes, suffix: str) -> Iterator[str]:
        """Keep an upload while its picture is made; whatever fails inside, nothing stays behind."""
        name = self.save_upload(data, suffix)
        finished = False
        try:
            yield name
            finished = True
        finally:
            if not finished:
                self._remove(self._files(name))

    def save_result(self, name: str, data: bytes, record: dict) -> None:
        """Keep a finished picture and then its record; `record["file"]` is its file name."""
        self._write(self.result_dir / record["file"], data)
        text = json.dumps(record, indent=1, sort_keys=True)
        self._write(self.result_dir / f"{name}.json", text.encode())

    def load(self, name: str) -> Stored:
        """Fetch a result again; NotFound when the id is unknown, deleted or expired."""
        try:
            record = json.loads((self._checked(name)).read_bytes())
            return Stored((self.result_dir / record["file"]).read_bytes(), record)
        except FileNotFoundError:
            raise NotFound("No result has this id; it may have expired or been deleted.") from None

    def delete(self, name: str) -> None:
        """Forget a result, its record and its upload now; NotFound when there is none."""
        record = self._checked(name)
        if not record.exists():
            raise NotFound("No result has this id; it may have expired or been deleted.")
        self._remove([record, *self._files(name)])

    def sweep(self) -> int:
        """Delete what is older than `keep_s`, recount what is left; return how many files went."""
        oldest, used, gone = time.time() - self.keep_s, 0, 0
        for path in self._all():
            try:
                status = path.stat()
                if status.st_mtime < oldest or self._abandoned(path, status.st_mtime):
                    path.unlink()
                    gone += 1
                else:
                    used += status.st_size
            except FileNotFoundError:
                continue
        with self._lock:
            self._used = used
        return gone

    def _abandoned(self, path: Path, modified: float) -> bool:
        return path.name.endswith(TEMPORARY) and modified < time.time() - 600

    def _sweep_often(self) -> None:
        while not self._stop.wait(min(max(self.keep_s / 10, 1), 600)):
            self.sweep()

    def _write(self, path: Path, data: bytes) -> None:
        with self._lock:
            if self._used + len(data) > self.quota_bytes:
                raise StorageFull("The storage quota is used up; delete results or raise it.")
            self._used += len(data)
        written = False
        try:
            write_atomically(path, data)
            written = True
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("The disk is full; delete old results or add room.") from error
            raise
        finally:
            if not written:
                self._release(len(data))

    def _release(self, count: int) -> None:
        with self._lock:
            self._used = max(0, self._used - count)

    def _remove(self, paths: list[Path]) -> None:
        for path in paths:
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                continue
            self._release(size)

    def _checked(self, name: str) -> Path:
        if not ID.fullmatch(name):
            raise NotFound("A result's id has 32 hexadecimal digits.")
        return self.result_dir / f"{name}.json"

    def _files(self, name: str) -> list[Path]:
        return [
            path
            for folder in (self.result_dir, self.upload_dir)
            for path in folder.glob(f"{name}.*")
        ]

    def _all(self) -> Iterator[Path]:
        for folder in (self.upload_dir, self.result_dir):
            yield from (path for path in folder.iterdir() if path.name != ".gitkeep")

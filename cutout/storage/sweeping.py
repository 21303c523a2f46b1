"""Deleting stored files: only those whose names we made, and never stopped by a single one."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cutout.storage.names import id_of, is_unfinished

log = logging.getLogger(__name__)
# A file is written within a request's deadline; after this long nobody writes it any more.
UNFINISHED_S = 600


@dataclass(frozen=True)
class Sweep:
    """One round: when it ended (Unix time), files removed, bytes of our files that are left."""

    ended_s: float = 0.0
    removed: int = 0
    kept_bytes: int = 0


def own_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files with a name of ours; links, folders and other names are passed over.

    A folder that cannot be listed is logged and gives nothing.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if id_of(entry.name) and entry.is_file(follow_symlinks=False):
                    yield entry
    except OSError as error:
        log.error("the folder %r cannot be listed (%s)", folder.name, error.strerror)


def remove_expired(folders: list[Path], now: float, keep_s: float) -> Sweep:
    """Delete files older than `keep_s` seconds, and unfinished ones that nobody writes."""
    removed = kept_bytes = 0
    for entry in (entry for folder in folders for entry in own_files(folder)):
        limit_s = min(keep_s, UNFINISHED_S) if is_unfinished(entry.name) else keep_s
        with suppress(FileNotFoundError):
            status = entry.stat(follow_symlinks=False)
            if status.st_mtime < now - limit_s and _remove(entry):
                removed += 1
            else:
                kept_bytes += status.st_size
    return Sweep(now, removed, kept_bytes)


def remove_leftovers(upload_dir: Path, result_dir: Path) -> int:
    """Delete what a crash left: unfinished files, uploads and results without a record.

    Only for who uses the folders alone: others' images in work look the same.
    Returns how many files were deleted.
    """
    recorded = {id_of(entry.name) for entry in own_files(result_dir) if _is_record(entry.name)}
    removed = 0
    for folder in dict.fromkeys((upload_dir, result_dir)):
        for entry in own_files(folder):
            if is_unfinished(entry.name) or id_of(entry.name) not in recorded:
                with suppress(FileNotFoundError):
                    removed += _remove(entry)
    return removed


def _is_record(file: str) -> bool:
    return file.endswith(".json") and not is_unfinished(file)


def _remove(entry: os.DirEntry[str]) -> bool:
    """Whether the file could be deleted. Raises FileNotFoundError."""
    try:
        os.unlink(entry.path)
    except FileNotFoundError:
        raise
    except OSError as error:
        log.warning("%s cannot be deleted (%s)", entry.name, error.strerror)
        return False
    return True

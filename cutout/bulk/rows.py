"""One row an image: what became of it. Kept as small Parquet files while a job runs."""

from __future__ import annotations

import hashlib
import io
import secrets
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from cutout.bulk.folders import Folder, Source
from cutout.bulk.stages import Finished, Row
from cutout.errors import CutoutError

if TYPE_CHECKING:
    import pyarrow

STATE = "_cutout"
ROWS = f"{STATE}/rows"
DONE, FAILED = "done", "failed"
TEXT = (
    *("key", "result", "status", "error_code", "error", "touches_border", "flags"),
    *("warnings", "runtime", "finished_at"),
)
NUMBERS = ("coverage", "uncertain_share", "mean_confidence", "predicted_iou")
COUNTS = ("source_bytes", "modified_ns", "width", "height", "components", "result_bytes")
# In the order of the manifest's columns.
COLUMNS = (
    *("key", "result", "status", "error_code", "error", "width", "height", "result_bytes"),
    *("predicted_iou", "subject_found", "coverage", "components", "touches_border"),
    *("flags", "uncertain_share", "mean_confidence", "warnings", "runtime"),
    *("source_bytes", "modified_ns", "finished_at"),
)


def schema() -> pyarrow.Schema:
    """The types of the manifest's columns."""
    import pyarrow

    kinds = dict.fromkeys(TEXT, pyarrow.string())
    kinds |= dict.fromkeys(NUMBERS, pyarrow.float64())
    kinds |= dict.fromkeys(COUNTS, pyarrow.int64())
    kinds["subject_found"] = pyarrow.bool_()
    return pyarrow.schema([(name, kinds[name]) for name in COLUMNS])


def result_name(key: str, suffix: str) -> str:
    """The key of an image's result: its whole name and a further suffix.

    `a.jpg` and `a.png` of one folder keep two results, and a name never depends on which other
    images the folder holds.
    """
    return f"{key}.{suffix}"


def done_row(source: Source, result: str, finished: Finished, runtime: str) -> Row:
    """The row of an image whose result is written."""
    height, width = finished.size
    signals = dict(finished.signals)
    lists = {name: _joined(signals.pop(name, ())) for name in ("touches_border", "flags")}
    return {
        **_begin(source, DONE),
        **{name: value for name, value in signals.items() if name in COLUMNS},
        "result": result,
        **lists,
        "width": width,
        "height": height,
        "result_bytes": len(finished.data),
        "warnings": " ".join(finished.warnings),
        "runtime": runtime,
    }


def _joined(words: object) -> str:
    return " ".join(map(str, words)) if isinstance(words, list | tuple) else ""


def failed_row(source: Source, error: Exception) -> Row:
    """The row of an image that cannot be finished, with the reason, without a path."""
    if isinstance(error, CutoutError):
        code, text = error.code, error.detail
    elif isinstance(error, MemoryError):
        code, text = "out_of_memory", "There is not enough memory for this image."
    else:
        reason = getattr(error, "strerror", None) or type(error).__name__
        code, text = "file_error", f"The file cannot be read or written: {reason}."
    return _begin(source, FAILED) | {"error_code": code, "error": text}


def _begin(source: Source, status: str) -> Row:
    return {
        "key": source.key,
        "status": status,
        "source_bytes": source.size_bytes,
        "modified_ns": source.modified_ns,
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def table_of(rows: list[Row]) -> pyarrow.Table:
    """The rows as a table of `schema`."""
    import pyarrow

    return pyarrow.Table.from_pylist(rows, schema=schema())


class RowLog:
    """Collects the rows of one run and writes them, many to a file, into the target folder.

    What is not yet written when the process is killed is done again by the next run: at most
    FLUSH_ROWS images, or those of FLUSH_S seconds.
    """

    FLUSH_ROWS = 1000
    FLUSH_S = 5.0

    def __init__(self, folder: Folder) -> None:
        """Write into `folder`; the files sort by the time at which a run began."""
        self._folder = folder
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._run = f"{stamp}-{time.time_ns() % 10**9:09d}-{secrets.token_hex(2)}"
        self._rows: list[Row] = []
        self._files, self._flushed_at = 0, time.monotonic()

    def add(self, row: Row) -> None:
        """Take a row; write when it is time."""
        self._rows.append(row)
        waited = time.monotonic() - self._flushed_at
        if len(self._rows) >= self.FLUSH_ROWS or waited >= self.FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        self._flushed_at = time.monotonic()
        if self._rows:
            name = f"{ROWS}/{self._run}-{self._files:06d}.parquet"
            self._folder.write(name, parquet_of(table_of(self._rows)))
            self._files += 1
            self._rows = []


def parquet_of(table: pyarrow.Table) -> bytes:
    """The table as a Parquet file."""
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_tables(folder: Folder) -> Iterator[pyarrow.Table]:
    """The tables of all runs, in the order they were written."""
    import pyarrow.parquet

    for name in folder.names(ROWS):
        if name.endswith(".parquet"):
            yield pyarrow.parquet.read_table(io.BytesIO(folder.read(name)), schema=schema())


def key_hash(key: str, *rest: int) -> int:
    """64 bits of a hash of a key and what else tells two versions of its file apart."""
    text = "\0".join([key, *map(str, rest)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


class DoneSet:
    """Which images are finished: 8 bytes each, however long their names.

    Two of ten million names share a hash with a probability of 3e-6; the existence of the result
    is checked besides.
    """

    def __init__(self, hashes: np.ndarray) -> None:
        """hashes: (N,) uint64, in any order."""
        self._hashes = np.unique(hashes)

    @classmethod
    def of(cls, tables: Iterable[pyarrow.Table], with_failed: bool = False) -> DoneSet:
        """The images of the tables that are done, or also those that failed."""
        parts = [np.empty(0, np.uint64)]
        for table in tables:
            columns = ("key", "status", "source_bytes", "modified_ns")
            rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
            hashes = [
                key_hash(key, size, changed)
                for key, status, size, changed in rows
                if with_failed or status == DONE
            ]
            parts.append(np.array(hashes, np.uint64))
        return cls(np.concatenate(parts))

    def __contains__(self, source: Source) -> bool:
        """Whether this version of the image is finished."""
        wanted = np.uint64(key_hash(source.key, source.size_bytes, source.modified_ns))
        place = np.searchsorted(self._hashes, wanted)
        return bool(place < len(self._hashes) and self._hashes[place] == wanted)

    def __len__(self) -> int:
        """Finished images."""
        return len(self._hashes)

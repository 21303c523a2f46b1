"""The manifest of a job: one row an image, the newest of all runs, as Parquet and as CSV."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from cutout.bulk.folders import Folder
from cutout.bulk.rows import key_hash, read_tables, schema

PARQUET, CSV = "manifest.parquet", "manifest.csv"


def write_manifest(folder: Folder) -> dict[str, int]:
    """Write both files from the rows of all runs; images by status.

    Reads the rows twice, one file at a time: in memory are 16 bytes an image.
    """
    newest = _newest_rows(folder)
    counts: Counter[str] = Counter()
    import pyarrow.csv
    import pyarrow.parquet

    with tempfile.TemporaryDirectory(prefix="cutout-manifest-") as name:
        parquet, csv = Path(name) / PARQUET, Path(name) / CSV
        with (
            pyarrow.parquet.ParquetWriter(parquet, schema(), compression="zstd") as as_parquet,
            pyarrow.csv.CSVWriter(csv, schema()) as as_csv,
        ):
            first = 0
            for table in read_tables(folder):
                kept = table.filter(pyarrow.array(newest[first : first + len(table)]))
                first += len(table)
                as_parquet.write_table(kept)
                as_csv.write_table(kept)
                counts.update(kept["status"].to_pylist())
        for path in (parquet, csv):
            folder.write_file(path.name, path)
    return dict(counts)


def _newest_rows(folder: Folder) -> np.ndarray:
    """Which rows, counted over all tables, are the last of their image: (N,) bool."""
    parts = [np.empty(0, np.uint64)]
    for table in read_tables(folder):
        parts.append(np.array([key_hash(key) for key in table["key"].to_pylist()], np.uint64))
    hashes = np.concatenate(parts)
    _, last = np.unique(hashes[::-1], return_index=True)
    newest = np.zeros(len(hashes), bool)
    newest[len(hashes) - 1 - last] = True
    return newest

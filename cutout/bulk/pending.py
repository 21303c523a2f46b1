"""The images of one run, listed once into files of the target folder, so that none is in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from cutout.bulk.folders import Folder, Source

PENDING = "_cutout/pending"
# Images listed in one file.
LISTED_TOGETHER = 10_000


@dataclass(frozen=True)
class Pending:
    """Images to work on: `count` of them, listed in Parquet files of `folder` named `lists`.

    alone: each by itself, so that one that ends its process takes no other with it.
    """

    folder: Folder
    lists: tuple[str, ...]
    count: int
    alone: bool = False

    def sources(self) -> Iterator[Source]:
        """The images, one file's in memory at a time."""
        import pyarrow.parquet

        for name in self.lists:
            table = pyarrow.parquet.read_table(io.BytesIO(self.folder.read(name)))
            for row in table.to_pylist():
                yield Source(**row)


def write_pending(folder: Folder, sources: Iterable[Source], alone: bool = False) -> Pending:
    """List the sources; lists of an earlier run are deleted."""
    import pyarrow
    import pyarrow.parquet

    for name in folder.names(PENDING):
        folder.remove(name)
    lists: list[str] = []
    count = 0
    remaining = iter(sources)
    while chunk := list(islice(remaining, LISTED_TOGETHER)):
        buffer = io.BytesIO()
        table = pyarrow.Table.from_pylist([asdict(source) for source in chunk])
        pyarrow.parquet.write_table(table, buffer, compression="zstd")
        name = f"{PENDING}/{len(lists):06d}.parquet"
        folder.write(name, buffer.getvalue())
        lists.append(name)
        count += len(chunk)
    return Pending(folder, tuple(lists), count, alone)

"""Finished answers until their clients have taken them, however slowly they read."""

import tempfile
import weakref
from collections.abc import Iterator
from functools import partial
from typing import IO

from cutout.admission.byte_limit import ByteLimit
from cutout.errors import Overloaded, StorageFull

CHUNK_BYTES = 262_144


class Answer:
    """The bytes of one answer, in parts; `close` lets go of them, and so does forgetting it."""

    def __init__(self, data: bytes, limit: ByteLimit) -> None:
        """Keep the data in memory if `limit` has room, else in a file. Raises StorageFull."""
        self.size_bytes = len(data)
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        try:
            limit.take(len(data))
        except Overloaded:
            self._file = _in_file(data)
            self.close = weakref.finalize(self, self._file.close)
        else:
            self._parts.append(data)
            self.close = weakref.finalize(self, partial(_release, limit, len(data), self._parts))

    def __iter__(self) -> Iterator[bytes]:
        """All of it, once."""
        yield from self._parts
        while self._file and (part := self._file.read(CHUNK_BYTES)):
            yield part


class AnswerSpool:
    """Keeps answers in memory up to `max_bytes` for all together, and on disk beyond that."""

    def __init__(self, max_bytes: int) -> None:
        self.limit = ByteLimit(max_bytes)

    def put(self, data: bytes) -> Answer:
        """Raises StorageFull where there is no room in memory and none on disk."""
        return Answer(data, self.limit)


def _in_file(data: bytes) -> IO[bytes]:
    try:
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, the answer closes it
        file.write(data)
        file.seek(0)
    except OSError as error:
        raise StorageFull("No room is left to send the image.") from error
    return file


def _release(limit: ByteLimit, count: int, parts: list[bytes]) -> None:
    parts.clear()
    limit.give_back(count)

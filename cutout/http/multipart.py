"""Forms whose files lie on disk while they arrive, so that many large ones at once need no memory.

Werkzeug's own parser keeps half a megabyte of each file in memory, limits text in each field but
not in all of them, and reads an urlencoded body whole, whatever its length.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from cutout.errors import StorageFailed, StorageFull, TooManyBytes

CHUNK_BYTES = 65_536
# Of a request's first file; the most common request, one small image, touches no disk.
MEMORY_BYTES = 500_000
TOO_MUCH_TEXT = "The fields of the form have too much text; send images as files."

Parsed = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]


class Form:
    """The parts of one form, as they come. Text is limited over all fields together."""

    def __init__(self, max_text_bytes: int) -> None:
        self.fields: MultiDict[str, str] = MultiDict()
        self.files: MultiDict[str, FileStorage] = MultiDict()
        self._text_left = max_text_bytes
        self._part: Field | File | None = None
        self._text = bytearray()
        self._file: IO[bytes] | None = None

    def begin(self, part: Field | File) -> None:
        self._part, self._text = part, bytearray()
        self._file = self._open_file() if isinstance(part, File) else None

    def add(self, event: Data) -> None:
        """Raises TooManyBytes for too much text, StorageFull, StorageFailed."""
        if self._file is None:
            self._text_left -= len(event.data)
            if self._text_left < 0:
                raise TooManyBytes(TOO_MUCH_TEXT)
            self._text += event.data
        else:
            write(self._file, event.data)
        if not event.more_data:
            self._end()

    def close(self) -> None:
        """Close the files of a form that is not read to its end."""
        for _, file in self.files.items(multi=True):
            file.close()
        if self._file is not None:
            _close(self._file)

    def _open_file(self) -> IO[bytes]:
        if not self.files:
            return tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)
        return open_file()

    def _end(self) -> None:
        part = self._part
        if isinstance(part, File) and self._file is not None:
            self._file.seek(0)
            file = FileStorage(self._file, part.filename, part.name, headers=part.headers)
            self.files.add(part.name or "", file)
        elif part is not None:
            self.fields.add(part.name or "", self._text.decode(errors="replace"))


def open_file() -> IO[bytes]:
    """A file on disk without a name. Raises StorageFull, StorageFailed."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _storage_error(error) from error


@contextmanager
def arrived(stream: IO[bytes]) -> Iterator[tuple[IO[bytes], int]]:
    """A whole body in a file, at its beginning, and its size in bytes.

    Raises StorageFull, StorageFailed.
    """
    with temporary_file() as file:
        while data := stream.read(CHUNK_BYTES):
            write(file, data)
        size = file.tell()
        file.seek(0)
        yield file, size


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """A file as `open_file` gives, which is closed afterwards."""
    file = open_file()
    try:
        yield file
    finally:
        _close(file)


def _close(file: IO[bytes]) -> None:
    """What a full disk did not take is tried again at closing, and lost for good."""
    with suppress(OSError):
        file.close()


def write(file: IO[bytes], data: bytes) -> None:
    """Append to a temporary file. Raises StorageFull, StorageFailed."""
    try:
        file.write(data)
    except OSError as error:
        raise _storage_error(error) from error


def _storage_error(error: OSError) -> StorageFull | StorageFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The disk for uploads is full; try again later.")
    return StorageFailed("Uploads cannot be kept while they arrive; the log has the reason.")


class FormParser(FormDataParser):
    def _parse_multipart(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str],
    ) -> Parsed:
        """Read a multipart body to its end. Raises ValueError for one that is malformed."""
        if not (boundary := options.get("boundary", "")):
            raise ValueError("no boundary")
        most = self.max_form_memory_size
        decoder = MultipartDecoder(
            boundary.encode("ascii", "replace"),
            max_form_memory_size=most,
            max_parts=self.max_form_parts,
        )
        form = Form(most or 0)
        with ExitStack() as unfinished:
            unfinished.callback(form.close)
            while data := stream.read(CHUNK_BYTES):
                _take(decoder, data, form)
            _take(decoder, None, form)
            unfinished.pop_all()
        return stream, form.fields, form.files

    def _parse_urlencoded(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str],
    ) -> Parsed:
        """Read a body without files. Raises TooManyBytes for too much text."""
        most = self.max_form_memory_size or 0
        data = stream.read(most + 1)
        if len(data) > most:
            raise TooManyBytes(TOO_MUCH_TEXT)
        pairs = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=self.max_form_parts)
        return stream, MultiDict(pairs), MultiDict()


def _take(decoder: MultipartDecoder, data: bytes | None, form: Form) -> None:
    decoder.receive_data(data)
    while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
        if isinstance(event, Data):
            form.add(event)
        elif isinstance(event, Field | File):
            form.begin(event)


class BoundedRequest(Request):
    """Flask's request with such forms."""

    form_data_parser_class: Any = FormParser

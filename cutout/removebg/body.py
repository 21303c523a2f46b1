"""Request bodies of the dialect: multipart, urlencoded and JSON, all with the same field names."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import IO
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from cutout.removebg.errors import DialectError

FILE_FIELDS = ("image_file", "bg_image_file")
MAX_FIELDS = 100
CHUNK_BYTES = 65_536
# At once while a text is parsed: as bytes, decoded, its fields, an image from base64.
TEXT_COPIES = 4


@dataclass(frozen=True)
class Body:
    """What was sent. fields: text, or the values of JSON. files: the bytes of `FILE_FIELDS`.

    A file field that is sent empty and without a name, as browsers do, is not in `files`.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def read(content_type: str, file: IO[bytes]) -> Body:
    """Read a body by its declared type; one of another type holds no fields.

    file: the whole body, from its beginning. Needs twice its size in memory for multipart, and
    `TEXT_COPIES` times for the others. Raises DialectError `invalid_body` for one that does not
    follow its type.
    """
    mimetype, options = parse_options_header(content_type)
    if mimetype == "multipart/form-data":
        return _multipart(file, options.get("boundary", ""))
    data = file.read()
    try:
        if mimetype == "application/x-www-form-urlencoded":
            pairs = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
            return Body(dict(pairs))
        if mimetype == "application/json" or mimetype.endswith("+json"):
            return Body(_json(data))
    except (ValueError, RecursionError):
        raise _invalid(f"It is not {mimetype}.") from None
    return Body()


def _json(data: bytes) -> dict[str, object]:
    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise _invalid("Send a JSON object with the parameters as its members.")
    return fields


def _multipart(file: IO[bytes], boundary: str) -> Body:
    """Parts by name. Whether a part is a file is told by its name alone.

    Clients send `image_file` without a file name, which a form parser takes for text, and
    `image_url` with one, which it takes for a file.
    """
    fields: dict[str, object] = {}
    files: dict[str, bytes] = {}
    try:
        for name, named, content in _parts(file, boundary):
            if name not in FILE_FIELDS:
                fields[name] = content.decode(errors="replace")
            elif content or named:
                files[name] = content
    except (ValueError, RequestEntityTooLarge):
        raise _invalid("The multipart form is incomplete or has too many parts.") from None
    return Body(fields, files)


def _parts(file: IO[bytes], boundary: str) -> list[tuple[str, bool, bytes]]:
    """(name, whether it has a file name, content) of each part."""
    if not boundary:
        raise ValueError("no boundary")
    decoder = MultipartDecoder(boundary.encode(), max_parts=MAX_FIELDS)
    parts: list[tuple[str, bool, bytes]] = []
    name, named, pieces = "", False, list[bytes]()
    for event in _events(decoder, file):
        if isinstance(event, Field | File):
            name, named, pieces = event.name or "", bool(getattr(event, "filename", "")), []
        elif isinstance(event, Data):
            pieces.append(event.data)
            if not event.more_data:
                parts.append((name, named, b"".join(pieces)))
    return parts


def _events(decoder: MultipartDecoder, file: IO[bytes]) -> Iterator[Event]:
    for data in chain(iter(partial(file.read, CHUNK_BYTES), b""), [None]):
        decoder.receive_data(data)
        while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
            yield event


def _invalid(detail: str) -> DialectError:
    return DialectError("invalid_body", detail)

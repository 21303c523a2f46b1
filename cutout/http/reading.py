"""Reading uploaded files out of a request's form."""

import os
from typing import Annotated

from flask import current_app, g, request
from flask_openapi.models.file import FileStorage as FileField
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage

from cutout.errors import EmptyFile, InvalidRequest, InvalidValue, Overloaded, TooManyBytes
from cutout.http.client import client_name, discard_body
from cutout.http.current import service


def is_given(part: object) -> bool:
    """False for the part that an HTML form sends for a file input that was left empty.

    It has neither a file name nor a byte (HTML standard, constructing the entry list). A file
    of zero bytes has a name: it was given, and `read` refuses it.
    """
    if not isinstance(part, FileStorage) or part.filename:
        return True
    empty = not part.stream.read(1)
    part.stream.seek(0)
    return not empty


def _none_unless_given(part: object) -> object:
    return part if is_given(part) else None


def _missing_unless_given(part: object) -> object:
    if not is_given(part):
        raise PydanticCustomError("missing", "Field required")
    return part


# The types of file fields in the models of forms.
RequiredFile = Annotated[FileField, BeforeValidator(_missing_unless_given)]
OptionalFile = Annotated[FileField | None, BeforeValidator(_none_unless_given)]


def read(part: FileStorage | str, field: str) -> bytes:
    """Bytes of one uploaded file. Raises EmptyFile, InvalidValue (text), InvalidRequest (two)."""
    if isinstance(part, str):
        raise InvalidValue(f"Send {field!r} as a file, not as text: -F {field}=@…", field=field)
    if len(request.files.getlist(field)) > 1:
        raise InvalidRequest(f"Send one file as {field!r}, not several.", field=field)
    hold_in_memory(size_of(part))
    return read_file(part, field, current_app.config["MAX_FILE_BYTES"])


def size_of(part: FileStorage) -> int:
    """Bytes of an uploaded file, which is then at its beginning."""
    size = part.stream.seek(0, os.SEEK_END)
    part.stream.seek(0)
    return size


def read_file(part: FileStorage, field: str, limit: int) -> bytes:
    """Bytes of one file, at most `limit`; any thread may call it. EmptyFile, TooManyBytes."""
    part.stream.seek(0)
    data: bytes = part.read(limit + 1)
    if not data:
        raise EmptyFile(f"The file in {field!r} is empty.", field=field)
    if len(data) > limit:
        raise TooManyBytes(f"A file may have {limit:,} bytes.", field=field, limit=limit)
    return data


def read_optional(part: FileStorage | str | None, field: str) -> bytes | None:
    """`read` of a part that may have been left out: then None."""
    return None if part is None else read(part, field)


def hold_in_memory(count: int) -> None:
    """Count bytes of this request's files as in memory until it is answered. Raises Overloaded."""
    limit, client = service().upload_limit, client_name()
    limit.take(count, client)
    g.setdefault("held_bytes", []).append((limit, count, client))


def release_memory(_error: BaseException | None = None) -> None:
    """Give back what `hold_in_memory` counted, when a request ends."""
    for limit, count, client in g.pop("held_bytes", []):
        limit.give_back(count, client)


def refuse_when_full() -> None:
    """Answer 503 before the body is parsed: a full queue must not spend its time on forms."""
    try:
        service().queue_limit.refuse_early(client_name())
    except Overloaded:
        discard_body()
        raise

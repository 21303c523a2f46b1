"""Reading uploaded files out of a request's form."""

from flask import request
from werkzeug.datastructures import FileStorage

from cutout.errors import EmptyFile, InvalidRequest, InvalidValue, Overloaded
from cutout.http.current import service

CHUNK_BYTES = 1_000_000


def read(part: FileStorage | str, field: str) -> bytes:
    """Bytes of one uploaded file. Raises EmptyFile, InvalidValue (text), InvalidRequest (two)."""
    if isinstance(part, str):
        raise InvalidValue(f"Send {field!r} as a file, not as text: -F {field}=@…", field=field)
    if len(request.files.getlist(field)) > 1:
        raise InvalidRequest(f"Send one file as {field!r}, not several.", field=field)
    data = part.read()
    if not data:
        raise EmptyFile(f"The file in {field!r} is empty.", field=field)
    return data


def refuse_when_full() -> None:
    """Answer 503 before the body is parsed: a full queue must not spend its time on forms.

    The body is still read, in large chunks, and thrown away: a client that is sending does not
    read an answer yet, and what is left would be taken for its next request.
    """
    try:
        service().queue_limit.refuse_early()
    except Overloaded:
        while request.stream.read(CHUNK_BYTES):
            pass
        raise

"""`POST /remove-bg` with several images or a ZIP of them: a ZIP streamed as results finish."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from flask import Response, current_app, g, stream_with_context
from werkzeug.datastructures import FileStorage

from cutout import images
from cutout.admission import Answer
from cutout.archives import (
    ERRORS,
    ArchiveLimits,
    ImageArchive,
    is_archive,
    plain_name,
    result_names,
    zip_stream,
)
from cutout.errors import CutoutError, InvalidRequest
from cutout.http.current import service
from cutout.http.reading import read_file, size_of
from cutout.service import Outcome, RemovalRequest, RemovalResult, Source, remove_many

ZIP = "application/zip"
Record = dict[str, Any]


@dataclass(frozen=True)
class Uploads:
    """The images of one request, in its order, and the files that they are read from."""

    sources: list[Source]
    files: list[IO[bytes]]

    def close(self) -> None:
        """Close the files, and with that delete those on disk."""
        for file in self.files:
            file.close()


def is_many(parts: Sequence[FileStorage]) -> bool:
    """Whether a request holds several images, or a ZIP archive of them."""
    return len(parts) > 1 or any(map(_begins_as_archive, parts))


def uploads_of(parts: Sequence[FileStorage], field: str) -> Uploads:
    """The images of a request, for which `is_many` holds.

    Raises InvalidRequest for too many, or for an archive among other files.
    """
    limits: ArchiveLimits = current_app.extensions["cutout"].archive_limits
    archives = [part for part in parts if _begins_as_archive(part)]
    if archives and len(parts) > 1:
        raise InvalidRequest("Send one ZIP archive alone, or several images.", field=field)
    if archives:
        return _of_archive(_detached(archives[0]).stream, limits)
    if len(parts) > limits.files:
        raise InvalidRequest(
            f"{len(parts)} images came; at most {limits.files} are allowed. Send them in parts.",
            field=field,
            limit=limits.files,
        )
    limit = current_app.config["MAX_FILE_BYTES"]
    own = [_detached(part) for part in parts]
    sources = [
        Source(part.filename or field, size_of(part), partial(read_file, part, field, limit))
        for part in own
    ]
    return Uploads(sources, [part.stream for part in own])


def _of_archive(file: IO[bytes], limits: ArchiveLimits) -> Uploads:
    try:
        archive = ImageArchive(file, limits)
    except CutoutError:
        file.close()
        raise
    names = enumerate(archive.names)
    sources = [
        Source(name, archive.size_bytes(index), partial(archive.read, index))
        for index, name in names
    ]
    return Uploads(sources, [file])


def _detached(part: FileStorage) -> FileStorage:
    """The same file for the caller to close: Flask closes its own before an answer streams."""
    stream, part.stream = part.stream, io.BytesIO()
    return FileStorage(stream, part.filename)


def _begins_as_archive(part: FileStorage) -> bool:
    start = part.stream.read(4)
    part.stream.seek(0)
    return is_archive(start)


def answer_zip(uploads: Uploads, request: RemovalRequest) -> Response:
    """A ZIP of the results under the names the images came with, and `errors.json`."""
    suffix = images.SUFFIX[request.options.format]
    names = list(result_names((source.name for source in uploads.sources), suffix))
    spool = service().answers
    outcomes = remove_many(
        service(), uploads.sources, request, lambda result: spool.put(result.data)
    )
    parts = zip_stream(_files(outcomes, names))
    response = Response(stream_with_context(parts), mimetype=ZIP)
    response.call_on_close(uploads.close)
    response.headers["Content-Disposition"] = 'attachment; filename="cutouts.zip"'
    return response


def answer_json(uploads: Uploads, request: RemovalRequest) -> Response:
    """A JSON list with the record of every image, or its error, in the order they came."""
    with closing(uploads):
        outcomes = sorted(
            remove_many(service(), uploads.sources, request, _about),
            key=lambda one: one.index,
        )
    body = json.dumps([_named(one) | (one.kept or _failure(one)) for one in outcomes])
    return Response(body, mimetype="application/json")


def _files(
    outcomes: Iterator[Outcome[Answer]], names: list[str]
) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    errors = []
    for outcome in outcomes:
        if outcome.kept is None:
            errors.append(_named(outcome) | _failure(outcome))
            continue
        yield names[outcome.index], outcome.kept.size_bytes, outcome.kept
        outcome.kept.close()
    if errors:
        listed = json.dumps(errors, indent=1).encode()
        yield ERRORS, len(listed), [listed]


def _named(outcome: Outcome[Any]) -> Record:
    return {"name": plain_name(outcome.name), "index": outcome.index}


def _about(result: RemovalResult) -> Record:
    """What is told of an image; its bytes are not kept while others are worked on."""
    stored = {"result": f"/results/{result.id}"} if result.id else {}
    return result.record | {"cache": result.cache} | stored


def _failure(outcome: Outcome[Any]) -> Record:
    error = outcome.error
    if error is None:
        raise ValueError("an outcome holds a result or an error")
    problem = {"status": error.status, "code": error.code, "detail": error.detail}
    return problem | {"request_id": g.request_id}

"""Errors as `application/problem+json` (RFC 9457): one shape, stable codes, no internals."""

import json
from collections.abc import Callable, Mapping

from flask import Flask, Response, current_app, g, request
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.sansio.response import Response as WerkzeugResponse

from cutout.errors import (
    CutoutError,
    InvalidValue,
    MissingField,
    TooManyBytes,
    UnknownField,
)
from cutout.http import request_log

# Where the app keeps the shapes of errors by path.
SHAPES = "cutout_error_shapes"
# Malformed, without a key, too slow, too long, for another host, or a bug of ours.
EVERYWHERE = (400, 401, 403, 408, 414, 417, 421, 431, 500)
Shapes = Mapping[str, Callable[[CutoutError], Response]]


class Problem(BaseModel):
    """The body of every answer that is an error (RFC 9457)."""

    type: str = Field("about:blank", description="kept for the standard; `code` tells more")
    title: str = Field(description="what kind of error, the same words for every case")
    status: int = Field(description="the HTTP status again")
    code: str = Field(description="stable word for programs, such as `too_many_pixels`")
    detail: str = Field(description="what is wrong in this request and what to do")
    request_id: str = Field(description="name this when you ask for help")


def responses(*statuses: int) -> ResponseDict:
    """Describe these statuses in OpenAPI as problems, and those that any request may get."""
    body = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTP_STATUS_CODES[status], "content": body}
        for status in sorted({*statuses, *EVERYWHERE})
    }


def answer(error: CutoutError, cause: Exception | None = None) -> Response:
    """Turn an error into its response. cause: what was raised, where callers are told less."""
    request_log.failed(error.code, cause or error)
    shapes: Shapes = current_app.extensions[SHAPES]
    shape = next((shape for start, shape in shapes.items() if request.path.startswith(start)), None)
    response = (shape or problem)(error)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def problem(error: CutoutError) -> Response:
    """The error as `application/problem+json`."""
    body = Problem(
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.detail,
        request_id=g.get("request_id", ""),
    )
    members = body.model_dump() | error.extra
    return Response(json.dumps(members), error.status, mimetype="application/problem+json")


def from_http(error: HTTPException) -> Response | WerkzeugResponse:
    """Errors of Flask itself: unknown address, wrong method, body too large, broken form."""
    if error.response is not None:
        return error.response
    if error.code == 413:
        limit = request.max_content_length or 0
        return answer(TooManyBytes(f"A body may have {limit:,} bytes.", limit=limit))
    named = CutoutError(error.description or "")
    named.status = error.code or 500
    named.title = error.name
    named.code = error.name.lower().replace(" ", "_")
    response = answer(named, error)
    # Such as Allow, which a 405 must have (RFC 9110, section 15.5.6).
    for name, value in error.get_headers():
        response.headers.setdefault(name, value)
    return response


def unexpected(error: Exception) -> Response:
    """A bug: the log has it in full, the caller only the id to look it up by."""
    told = CutoutError("Something went wrong here; the log has it under the request id.")
    return answer(told, error)


def from_validation(error: ValidationError) -> Response:
    """A field that is missing, unknown or wrong: the first one is named."""
    item = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(map(str, item["loc"])) or "body"
    if item["type"] == "missing":
        return answer(MissingField(f"Send the field {field!r}.", field=field))
    if item["type"] == "extra_forbidden":
        return answer(UnknownField(f"There is no field {field!r}; see /docs.", field=field))
    return answer(InvalidValue(f"Field {field!r}: {item['msg']}.", field=field))


def register(app: Flask, shapes: Shapes | None = None) -> None:
    """Answer every error of `app` in this shape.

    shapes: other shapes, by the beginning of the paths whose clients expect them.
    """
    app.extensions[SHAPES] = shapes or {}
    app.register_error_handler(CutoutError, answer)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(Exception, unexpected)

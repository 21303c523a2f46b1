"""`POST /v1.0/removebg` and `GET /v1.0/account`, as clients of remove.bg expect them."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from cutout import images
from cutout.compose.geometry import parse_margin
from cutout.errors import CutoutError, NotFound
from cutout.http import limits, multipart
from cutout.http.client import client_name
from cutout.http.connection import client_connected
from cutout.http.current import service
from cutout.http.headers import signal_headers, timing_header
from cutout.http.reading import hold_in_memory, refuse_when_full
from cutout.options import Options
from cutout.removebg import body, description, sizes
from cutout.removebg.account import account
from cutout.removebg.answers import MIMETYPES, Answer, wants_json
from cutout.removebg.errors import DialectError, translated
from cutout.removebg.parameters import MAX_FILE_BYTES, Parameters, Source, parse
from cutout.removebg.rendering import Rendering
from cutout.removebg.subject_type import echoed_type
from cutout.service import RemovalRequest

PREFIX = "/v1.0/"
# An image and a background image; an image alone as base64 in an urlencoded form needs less.
MAX_BODY_BYTES = 2 * MAX_FILE_BYTES + 1_000_000
# What the original's clients are told where no rate limit is set here.
UNLIMITED, WINDOW_S = 500, 60
EXTENSION = "cutout_removebg"

bp = APIBlueprint("removebg", __name__, url_prefix="/v1.0", abp_tags=[Tag(name="remove.bg")])


@dataclass(frozen=True)
class Dialect:
    """What an operator decides for all clients of the dialect.

    default_size: where a client sends none. options: of ours, by name. fetch: the bytes behind
    an address, or None where addresses are not opened; it raises CutoutError. store: whether
    uploads and results of the dialect are kept, which remove.bg itself never does.
    """

    default_size: str = sizes.SMALL
    options: Mapping[str, object] = field(default_factory=lambda: {"on_no_subject": "error"})
    fetch: Callable[[str], bytes] | None = None
    store: bool = False


def register(app: Flask, dialect: Dialect) -> None:
    """Keep what the operator decided where the endpoints find it."""
    app.extensions[EXTENSION] = dialect


def error_answer(error: CutoutError) -> Response:
    """Any error in the shape that clients read."""
    status, entry = translated(error)
    return Response(json.dumps({"errors": [entry]}), status, mimetype="application/json")


@bp.post(
    "/removebg",
    summary="Remove the background, in the dialect of remove.bg",
    request_body=description.request_body(),
    responses=description.image_answers(),
)
def remove_background() -> Response:
    request.max_content_length = MAX_BODY_BYTES
    limits.refuse_early()
    refuse_when_full()
    sent = _body()
    parameters = parse(sent, _dialect().default_size)
    finished = service().remove(_removal(parameters))
    result = finished.result
    answer = Answer(
        result.data,
        result.format,
        result.size,
        result.subject or (0, 0, *result.size),
        echoed_type(parameters.type, parameters.type_level),
    )
    response = _response(answer)
    response.headers.update(answer.headers())
    response.headers.update(_rate_headers())
    response.headers["X-Cutout-Recipe"] = finished.record["recipe"]
    response.headers.update(signal_headers(result.signals))
    response.headers.update(timing_header(finished.stages))
    return response


@bp.get(
    "/account",
    summary="The balance, in the dialect of remove.bg",
    responses=description.account_answers(),
)
def show_account() -> Response:
    return jsonify(account())


@bp.post("/improve", doc_ui=False)
def improve() -> Response:
    raise NotFound("Images are not collected for training here.")


def _body() -> body.Body:
    """What was sent. It arrives on disk: a slow client holds none of the memory for uploads."""
    with multipart.arrived(request.stream) as (file, size):
        hold_in_memory(size)
        copies = 1 if request.mimetype == "multipart/form-data" else body.TEXT_COPIES - 1
        with service().upload_limit.hold(copies * size, client_name()):
            return body.read(request.content_type or "", file)


def _dialect() -> Dialect:
    dialect: Dialect = current_app.extensions[EXTENSION]
    return dialect


def _removal(parameters: Parameters) -> RemovalRequest:
    """The request to the service; nothing of it is stored, unless the operator wants it."""
    data = _bytes_of(parameters.image, "image")
    behind = parameters.background
    background = _bytes_of(behind, "bg") if behind else None
    region = None
    if parameters.roi:
        region = parameters.roi.box(images.inspect(data, service().limits).header.size)
    rendering = Rendering(parameters)
    return RemovalRequest(
        data,
        _options(parameters),
        background=background,
        wanted=client_connected(),
        region=region,
        render=rendering.render(),
        encode=rendering.encode(),
        store=_dialect().store,
        charge=limits.charger(),
        client=client_name(),
        scope=g.get("key_name") or "",
        margin=parse_margin(parameters.crop_margin) if parameters.crop else None,
    )


def _options(parameters: Parameters) -> Options:
    values: dict[str, Any] = {**_dialect().options, "background": parameters.bg_color}
    if parameters.channels == "alpha":
        # No colour shows: none needs to be estimated.
        values["decontaminate"] = False
    return Options.model_validate(values)


def _bytes_of(source: Source, what: str) -> bytes:
    """The file itself, or what its address gives. what: `image` or `bg`, as errors name it."""
    if source.data is not None:
        return source.data
    fetch = _dialect().fetch
    if fetch is None:
        raise DialectError(
            f"failed_{what}_download",
            "Send the file itself.",
            "this server does not download from addresses",
        )
    try:
        return fetch(source.url or "")
    except CutoutError as error:
        raise DialectError(f"failed_{what}_download", error.detail, error.detail) from error


def _response(answer: Answer) -> Response:
    if wants_json(request.headers.get("Accept", "")):
        return jsonify(answer.as_json())
    return Response(answer.data, mimetype=MIMETYPES[answer.format])


def _rate_headers() -> dict[str, str]:
    """Whole numbers that clients read without asking; a real rate limit replaces them."""
    return {
        "X-RateLimit-Limit": str(UNLIMITED),
        "X-RateLimit-Remaining": str(UNLIMITED),
        "X-RateLimit-Reset": str(int(time.time()) + WINDOW_S),
    }

"""`POST /remove-bg`: an image file in, its cut-out back."""

from flask import Response, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from cutout.api import many
from cutout.api.forms import RemoveForm
from cutout.http import limits, request_log
from cutout.http.current import service
from cutout.http.forms import check_fields
from cutout.http.headers import MIMETYPES, signal_headers, timing_header
from cutout.http.problems import responses
from cutout.http.reading import refuse_when_full
from cutout.service import RemovalResult

bp = APIBlueprint("remove", __name__, abp_tags=[Tag(name="images")])
bp.before_request(refuse_when_full)
bp.before_request(limits.refuse_early)


bp.before_request(check_fields(RemoveForm.model_fields, several=["image"]))

BINARY = {"schema": {"type": "string", "format": "binary"}}
RESPONSES = {
    200: {
        "description": "the cut-out: RGBA, 8 bit, the photograph's size",
        "content": dict.fromkeys(MIMETYPES.values(), BINARY),
    },
    **responses(409, 413, 415, 422, 429, 503, 504, 507),
}


@bp.post("/remove-bg", summary="Remove the background of an image", responses=RESPONSES)
def remove_bg(form: RemoveForm) -> Response:
    parts = request.files.getlist("image")
    kinds = [*MIMETYPES.values(), many.ZIP, "application/json"]
    wants_json = request.accept_mimetypes.best_match(kinds) == "application/json"
    if many.is_many(parts):
        removal = form.removal_of_many()
        uploads = many.uploads_of(parts, "image")
        return (many.answer_json if wants_json else many.answer_zip)(uploads, removal)
    result = service().remove(form.removal(form.image_data()))
    size = result.record["height"], result.record["width"]
    request_log.add_image(size, result.record["device"], result.cache)
    if wants_json:
        stored = {"result": f"/results/{result.id}"} if result.id else {}
        return jsonify({**result.record, "cache": result.cache, **stored})
    return _image(result)


def stored_at(result: RemovalResult) -> dict[str, str]:
    """Headers that say where the result can be fetched again; none where it is not stored."""
    if not result.id:
        return {}
    return {"X-Cutout-Id": result.id, "Content-Location": f"/results/{result.id}"}


def _image(result: RemovalResult) -> Response:
    response = Response(result.data, mimetype=MIMETYPES[result.record["options"]["format"]])
    response.headers.update(
        {
            **stored_at(result),
            "X-Cutout-Cache": result.cache,
            "X-Cutout-Recipe": result.record["recipe"],
            **signal_headers(result.record["quality"]),
            **timing_header(result.stages),
        }
    )
    for warning in result.record["warnings"]:
        response.headers.add("X-Cutout-Warning", warning)
    return response

"""`POST /remove-bg`: an image file in, its cut-out back."""

from flask import Response, jsonify, request
from flask_openapi import APIBlueprint
from pydantic import ConfigDict, Field

from cutout.http import request_log
from cutout.http.connection import client_connected
from cutout.http.current import service
from cutout.http.headers import MIMETYPES, signal_headers, timing_header
from cutout.http.problems import responses
from cutout.http.reading import OptionalFile, RequiredFile, read, refuse_when_full
from cutout.options import Options
from cutout.service import RemovalRequest, RemovalResult

bp = APIBlueprint("remove", __name__)
bp.before_request(refuse_when_full)


class PictureForm(Options):
    """How to cut a picture out, and the pictures that may come beside it."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    trimap: OptionalFile = Field(
        None, description="for matting: 0 background, 128 unknown, 255 subject; the picture's size"
    )
    background_image: OptionalFile = Field(
        None, description="put behind the subject, covering the result, centred"
    )

    def call(self, data: bytes) -> RemovalRequest:
        """What is asked of the service for an uploaded file."""
        wishes = {name: getattr(self, name) for name in Options.model_fields}
        return RemovalRequest(
            data,
            Options.model_construct(**wishes),
            self.trimap and read(self.trimap, "trimap"),
            self.background_image and read(self.background_image, "background_image"),
            client_connected(),
        )


class RemoveForm(PictureForm):
    """A picture and how to cut it out."""

    image: RequiredFile = Field(description="the photograph: JPEG, PNG or WebP")


BINARY = {"schema": {"type": "string", "format": "binary"}}
RESPONSES = {
    200: {
        "description": "the cut-out: RGBA, 8 bit, the photograph's size",
        "content": dict.fromkeys(MIMETYPES.values(), BINARY),
    },
    **responses(400, 408, 413, 415, 422, 503, 504, 507),
}


@bp.post("/remove-bg", summary="Remove the background of a picture", responses=RESPONSES)
def remove_bg(form: RemoveForm):
    answer = service().remove(form.call(read(form.image, "image")))
    size = answer.record["height"], answer.record["width"]
    request_log.add_image(size, answer.record["device"], answer.cache)
    kinds = [*MIMETYPES.values(), "application/json"]
    if request.accept_mimetypes.best_match(kinds) == "application/json":
        return jsonify(
            {**answer.record, "cache": answer.cache, "result": f"/results/{answer.name}"}
        )
    return _picture(answer)


def _picture(answer: RemovalResult) -> Response:
    response = Response(answer.data, mimetype=MIMETYPES[answer.record["options"]["format"]])
    response.headers.update(
        {
            "X-Cutout-Id": answer.name,
            "X-Cutout-Cache": answer.cache,
            "Content-Location": f"/results/{answer.name}",
            **signal_headers(answer.record["quality"]),
            **timing_header(answer.stages),
        }
    )
    for warning in answer.record["warnings"]:
        response.headers.add("X-Cutout-Warning", warning)
    return response

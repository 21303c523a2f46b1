"""`POST /remove-bg`: an image file in, its cut-out back."""

from flask import Response, jsonify, request
from flask_openapi import APIBlueprint, FileStorage
from pydantic import ConfigDict, Field

from ..options import Options
from ..service import Answer
from .common import client_watch, read, service, signal_headers, timing_header
from .problems import responses

bp = APIBlueprint("remove", __name__)


class RemoveForm(Options):
    """A picture and how to cut it out."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: FileStorage = Field(description="the photograph: JPEG, PNG or WebP")

    def options(self) -> Options:
        """The form without its file."""
        return Options.model_construct(
            **{name: getattr(self, name) for name in Options.model_fields}
        )


PNG = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
RESPONSES = {
    200: {"description": "the cut-out: RGBA, 8 bit, the photograph's size", "content": PNG},
    **responses(400, 413, 415, 422, 503, 504, 507),
}


@bp.post("/remove-bg", summary="Remove the background of a picture", responses=RESPONSES)
def remove_bg(form: RemoveForm):
    answer = service().remove(read(form.image, "image"), form.options(), client_watch())
    if request.accept_mimetypes.best_match(["image/png", "application/json"]) == "application/json":
        return jsonify({**answer.record, "result": f"/results/{answer.name}"})
    return _picture(answer)


def _picture(answer: Answer) -> Response:
    response = Response(answer.data, mimetype="image/png")
    response.headers.update(
        {
            "X-Cutout-Id": answer.name,
            "Content-Location": f"/results/{answer.name}",
            **signal_headers(answer.record["quality"]),
            **timing_header(answer.stages),
        }
    )
    return response

"""`POST /remove-bg`: an image file in, its cut-out back."""

from flask import Response, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import ConfigDict, Field

from cutout.api import many
from cutout.errors import InvalidValue
from cutout.http import request_log
from cutout.http.connection import client_connected
from cutout.http.current import service
from cutout.http.forms import check_fields, describe_form
from cutout.http.headers import MIMETYPES, signal_headers, timing_header
from cutout.http.problems import responses
from cutout.http.reading import OptionalFile, RequiredFile, read, read_optional, refuse_when_full
from cutout.options import Options
from cutout.service import RemovalRequest, RemovalResult

bp = APIBlueprint("remove", __name__, abp_tags=[Tag(name="images")])
bp.before_request(refuse_when_full)


class ImageForm(Options):
    """How to cut an image out, and the images that may come beside it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, json_schema_extra=describe_form)

    trimap: OptionalFile = Field(
        None, description="for matting: 0 background, 128 unknown, 255 subject; the image's size"
    )
    background_image: OptionalFile = Field(
        None, description="put behind the subject, covering the result, centred"
    )

    keep: OptionalFile = Field(
        None, description="a grey image of any size: light where the subject is certain"
    )
    erase: OptionalFile = Field(
        None, description="the same for the background; where both are light, erase holds"
    )

    def removal(self, data: bytes) -> RemovalRequest:
        """What is asked of the service for an uploaded file."""
        fields = {name: getattr(self, name) for name in Options.model_fields}
        return RemovalRequest(
            data,
            Options.model_construct(**fields),
            read_optional(self.trimap, "trimap"),
            read_optional(self.background_image, "background_image"),
            client_connected(),
            keep=read_optional(self.keep, "keep"),
            erase=read_optional(self.erase, "erase"),
        )


class RemoveForm(ImageForm):
    """An image and how to cut it out."""

    image: RequiredFile = Field(
        description="the photograph: JPEG, PNG or WebP; repeat the field for several, or send "
        "a ZIP of them, and a ZIP of the results is answered"
    )

    def removal_of_many(self) -> RemovalRequest:
        """What is asked for every one of several images.

        Raises InvalidValue for what is drawn on one image: trimap, keep, erase.
        """
        for field in ("trimap", "keep", "erase"):
            if getattr(self, field) is not None:
                raise InvalidValue(f"{field} goes with one image only.", field=field)
        removal = self.removal(b"")
        removal.check()
        return removal


bp.before_request(check_fields(RemoveForm.model_fields, several=["image"]))

BINARY = {"schema": {"type": "string", "format": "binary"}}
RESPONSES = {
    200: {
        "description": "the cut-out: RGBA, 8 bit, the photograph's size",
        "content": dict.fromkeys(MIMETYPES.values(), BINARY),
    },
    **responses(400, 408, 413, 415, 422, 503, 504, 507),
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
    result = service().remove(form.removal(read(form.image, "image")))
    size = result.record["height"], result.record["width"]
    request_log.add_image(size, result.record["device"], result.cache)
    if wants_json:
        return jsonify({**result.record, "cache": result.cache, "result": f"/results/{result.id}"})
    return _image(result)


def _image(result: RemovalResult) -> Response:
    response = Response(result.data, mimetype=MIMETYPES[result.record["options"]["format"]])
    response.headers.update(
        {
            "X-Cutout-Id": result.id,
            "X-Cutout-Cache": result.cache,
            "Content-Location": f"/results/{result.id}",
            **signal_headers(result.record["quality"]),
            **timing_header(result.stages),
        }
    )
    for warning in result.record["warnings"]:
        response.headers.add("X-Cutout-Warning", warning)
    return response

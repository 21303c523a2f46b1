"""`POST /evaluate`: an image and its true mask in, measures of our cut-out back."""

from flask import jsonify
from flask_openapi import APIBlueprint, FileStorage
from pydantic import Field

from .common import client_watch, read, service, timing_header
from .problems import responses
from .remove import RemoveForm

bp = APIBlueprint("evaluate", __name__)


class EvaluateForm(RemoveForm):
    """A picture and the mask a person drew for it."""

    mask: FileStorage = Field(description="the true mask, of the picture's size; white is subject")


@bp.post(
    "/evaluate",
    summary="Measure the cut-out of a picture against its true mask",
    responses=responses(400, 413, 415, 422, 503, 504),
)
def evaluate(form: EvaluateForm):
    image, mask = read(form.image, "image"), read(form.mask, "mask")
    row, stages = service().evaluate(image, mask, form.options(), client_watch())
    return jsonify(row), 200, timing_header(stages)

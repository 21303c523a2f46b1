"""`POST /evaluate`: a picture (or a map made elsewhere) and its true mask in, measures back."""

from dataclasses import replace

from flask import Response, jsonify
from flask_openapi import APIBlueprint
from pydantic import Field

from cutout import images, measures
from cutout.api.remove import BINARY, PictureForm
from cutout.errors import InvalidValue, MissingField
from cutout.http import request_log
from cutout.http.current import service
from cutout.http.headers import signal_headers
from cutout.http.problems import responses
from cutout.http.reading import OptionalFile, RequiredFile, read, refuse_when_full
from cutout.service import EvaluationResult, MeasureOptions, RemovalRequest

bp = APIBlueprint("evaluate", __name__)
bp.before_request(refuse_when_full)


class EvaluateForm(PictureForm):
    """A picture, or a map made elsewhere, and the mask a person drew.

    The same options as for `/remove-bg`, so that one can ask what they do to this picture;
    `threshold` is the level at which both sides become masks.
    """

    image: OptionalFile = Field(None, description="the photograph: we cut it out")
    prediction: OptionalFile = Field(
        None, description="instead: a cut-out (its alpha counts), map or mask made elsewhere"
    )
    mask: RequiredFile = Field(description="the true mask, of the picture's size; white is subject")
    threshold: int = Field(
        measures.THRESHOLD, ge=0, le=255, description="a pixel is subject above this level"
    )
    measures: str = Field(
        "mask", description=f"groups of measures: all, or a list of {', '.join(measures.GROUPS)}"
    )
    overlay: bool = Field(
        False, description="answer a picture of true, missed and wrongly kept pixels instead"
    )

    def call(self, data: bytes) -> RemovalRequest:
        """As `/remove-bg`; `threshold` measures here, on the matte it would give the same masks."""
        call = super().call(data)
        return replace(call, options=call.options.model_copy(update={"threshold": None}))

    def groups(self) -> tuple[str, ...]:
        """Names of the groups asked for. Raises InvalidValue."""
        asked = tuple(name.strip() for name in self.measures.split(","))
        if asked == ("all",):
            return measures.GROUPS
        if unknown := [name for name in asked if name not in measures.GROUPS]:
            raise InvalidValue(
                f"The measures {unknown[0]!r} are not known; "
                f"choose all, or of {', '.join(measures.GROUPS)}.",
                field="measures",
                allowed=["all", *measures.GROUPS],
            )
        return asked


RESPONSES = {
    200: {
        "description": "the measures with the counts behind them, or the overlay",
        "content": {"application/json": {"schema": {"type": "object"}}, "image/png": BINARY},
    },
    **responses(400, 408, 413, 415, 422, 503, 504),
}


@bp.post("/evaluate", summary="Measure a cut-out against its true mask", responses=RESPONSES)
def evaluate(form: EvaluateForm):
    how = MeasureOptions(form.groups(), form.threshold)
    if (form.image is None) == (form.prediction is None):
        raise MissingField("Send image or prediction, one of them, and mask.", field="image")
    mask = read(form.mask, "mask")
    if form.image:
        done = service().evaluate(form.call(read(form.image, "image")), mask, how)
    else:
        done = service().score(read(form.prediction, "prediction"), mask, how)
    request_log.add_image(done.truth.shape, done.row.get("device", {}))
    return _overlay(done, how.threshold) if form.overlay else jsonify(done.row)


def _overlay(done: EvaluationResult, threshold: int) -> Response:
    painted = measures.overlay(done.rgb, done.pred > threshold, done.truth > threshold)
    figures = {name: value for name, value in done.row.items() if isinstance(value, int | float)}
    picture = images.encode(painted, "png")
    return Response(picture, mimetype="image/png", headers=signal_headers(figures))

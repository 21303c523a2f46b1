"""`POST /evaluate`: an image (or a map made elsewhere) and its true mask in, measures back."""

from dataclasses import replace

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field

from cutout import measures
from cutout.api.forms import ImageForm
from cutout.api.remove import BINARY
from cutout.errors import InvalidValue, MissingField
from cutout.http import limits, request_log
from cutout.http.current import service
from cutout.http.forms import check_fields
from cutout.http.headers import signal_headers
from cutout.http.problems import responses
from cutout.http.reading import OptionalFile, RequiredFile, read, read_optional, refuse_when_full
from cutout.options import Options
from cutout.service import EvaluationResult, MeasureOptions, RemovalRequest

# Options of the image that /remove-bg answers; the matte is measured before they apply.
RESULT_ONLY = (
    *("decontaminate", "background", "blend", "output", "format", "compression"),
    *("crop", "crop_margin", "max_size", "softness"),
)
bp = APIBlueprint("evaluate", __name__, abp_tags=[Tag(name="evaluation")])
bp.before_request(refuse_when_full)
bp.before_request(limits.refuse_early)


class EvaluateForm(ImageForm):
    """An image, or a map made elsewhere, and the mask a person drew.

    The same options as for `/remove-bg`, so that one can ask what they do to this image;
    `threshold` is the alpha above which a pixel is subject, here in both maps.
    """

    image: OptionalFile = Field(None, description="the photograph: we cut it out")
    prediction: OptionalFile = Field(
        None, description="instead: a cut-out (its alpha counts), map or mask made elsewhere"
    )
    mask: RequiredFile = Field(description="the true mask, of the image's size; white is subject")
    threshold: float = Field(
        0.5, ge=0, le=1, description="a pixel is subject above this alpha, in both maps"
    )
    measures: str = Field(
        "mask", description=f"groups of measures: all, or a list of {', '.join(measures.GROUPS)}"
    )
    overlay: bool = Field(
        False, description="answer an image of true, missed and wrongly kept pixels instead"
    )

    def removal(self, data: bytes) -> RemovalRequest:
        """As `/remove-bg`; the threshold measures here, so that no other step sees a binary matte.

        Raises InvalidValue for options of the result, which is not made here.
        """
        for name in RESULT_ONLY:
            if getattr(self, name) != Options.model_fields[name].default:
                raise InvalidValue(
                    f"{name} has no effect on /evaluate, which measures the matte; leave it out.",
                    field=name,
                )
        request = super().removal(data)
        return replace(request, options=request.options.model_copy(update={"threshold": None}))

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


bp.before_request(check_fields(EvaluateForm.model_fields))

RESPONSES = {
    200: {
        "description": "the measures with the counts behind them, or the overlay",
        "content": {"application/json": {"schema": {"type": "object"}}, "image/png": BINARY},
    },
    **responses(409, 413, 415, 422, 429, 503, 504),
}


@bp.post("/evaluate", summary="Measure a cut-out against its true mask", responses=RESPONSES)
def evaluate(form: EvaluateForm) -> Response:
    measure = MeasureOptions(form.groups(), form.threshold, form.overlay)
    if (form.image is None) == (form.prediction is None):
        raise MissingField("Send image or prediction, one of them, and mask.", field="image")
    mask = read(form.mask, "mask")
    if form.image is not None:
        result = service().evaluate(form.removal(read(form.image, "image")), mask, measure)
    else:
        prediction = read_optional(form.prediction, "prediction") or b""
        result = service().score(form.removal(prediction), mask, measure)
    request_log.add_image(result.size, result.row.get("device", {}))
    return _overlay(result) if form.overlay else jsonify(result.row)


def _overlay(result: EvaluationResult) -> Response:
    figures = {name: value for name, value in result.row.items() if isinstance(value, int | float)}
    return Response(result.overlay, mimetype="image/png", headers=signal_headers(figures))

"""What monitoring and orchestrators ask: `/health`, `/livez`, `/readyz`, `/metrics`."""

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from flask_openapi.types import ResponseDict

from cutout.http.current import service
from cutout.http.problems import responses

bp = APIBlueprint("health", __name__, abp_tags=[Tag(name="monitoring")])


def _json(*statuses: tuple[int, str]) -> ResponseDict:
    """Describe answers that are JSON objects."""
    body = {"application/json": {"schema": {"type": "object"}}}
    described: ResponseDict = {}
    for status, text in statuses:
        described[status] = {"description": text, "content": body}
    return {**responses(), **described}


STATES = _json((200, "ready"), (503, "starting, stopping or failed: send images elsewhere"))
FIGURES: ResponseDict = {
    200: {"description": "Prometheus' text format", "content": {"text/plain": {}}},
    **responses(),
}


@bp.get("/health", summary="State of the service, its model and its device", responses=STATES)
def health() -> tuple[Response, int]:
    state = service().health()
    return jsonify(state), 200 if state["ready"] else 503


@bp.get("/livez", summary="The process answers", responses=_json((200, "alive")))
def livez() -> Response:
    return jsonify({"status": "alive"})


@bp.get("/readyz", summary="Images are accepted", responses=STATES)
def readyz() -> tuple[Response, int]:
    ready = service().health()["ready"]
    return jsonify({"ready": ready}), 200 if ready else 503


@bp.get("/metrics", summary="Prometheus figures", responses=FIGURES)
def metrics() -> Response:
    return Response(service().telemetry.page(), mimetype="text/plain; version=0.0.4")

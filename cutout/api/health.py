"""What monitoring and orchestrators ask: `/health`, `/livez`, `/readyz`, `/metrics`."""

from flask import Response, jsonify
from flask_openapi import APIBlueprint, Tag

from cutout.http.current import service

bp = APIBlueprint("health", __name__, abp_tags=[Tag(name="monitoring")])


@bp.get("/health", summary="State of the service, its model and its device")
def health():
    state = service().health()
    return jsonify(state), 200 if state["ready"] else 503


@bp.get("/livez", summary="The process answers")
def livez():
    return jsonify({"status": "alive"})


@bp.get("/readyz", summary="Pictures are accepted")
def readyz():
    ready = service().health()["ready"]
    return jsonify({"ready": ready}), 200 if ready else 503


@bp.get("/metrics", summary="Prometheus figures")
def metrics():
    return Response(service().telemetry.page(), mimetype="text/plain; version=0.0.4")

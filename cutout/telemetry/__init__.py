"""Figures about the service: stage times, request ids, Prometheus metrics, traces."""

from cutout.telemetry.metrics import Telemetry
from cutout.telemetry.stages import Stages, request_id
from cutout.telemetry.tracing import Tracing

__all__ = ["Stages", "Telemetry", "Tracing", "request_id"]

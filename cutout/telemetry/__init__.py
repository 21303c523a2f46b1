"""Figures about the service: stage times, request ids, Prometheus metrics."""

from cutout.telemetry.metrics import Telemetry
from cutout.telemetry.stages import Stages, request_id

__all__ = ["Stages", "Telemetry", "request_id"]

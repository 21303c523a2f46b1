"""Prometheus' figures about the service."""

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cutout.telemetry.stages import Stages

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SHARES = tuple(step / 20 for step in range(1, 21))


class Telemetry:
    """Counters of one app; each app has a registry of its own, so tests do not share them."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter(
            "cutout_requests",
            "Answers by endpoint and status",
            ["endpoint", "status"],
            registry=own,
        )
        self.stage = Histogram(
            "cutout_stage_seconds", "Time of each stage", ["stage"], buckets=SECONDS, registry=own
        )
        self.predicted_iou = Histogram(
            "cutout_predicted_iou", "Estimated IoU of results", buckets=SHARES, registry=own
        )
        self.coverage = Histogram(
            "cutout_coverage", "Share of the image kept", buckets=SHARES, registry=own
        )
        self.not_found = Counter(
            "cutout_subject_not_found", "Images in which no subject was found", registry=own
        )

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Export a gauge whose value `read()` gives when it is scraped."""
        Gauge(name, meaning, registry=self.registry).set_function(read)

    def finished(self, stages: Stages, signals: Mapping[str, Any]) -> None:
        """Count one finished image: its stages and its quality signals."""
        for name, spent in stages.ms.items():
            self.stage.labels(name).observe(spent / 1e3)
        if not signals:
            return
        self.coverage.observe(signals["coverage"])
        if signals.get("predicted_iou") is not None:
            self.predicted_iou.observe(signals["predicted_iou"])
        if not signals["subject_found"]:
            self.not_found.inc()

    def page(self) -> bytes:
        """Text of `/metrics` in Prometheus' exposition format."""
        return generate_latest(self.registry)

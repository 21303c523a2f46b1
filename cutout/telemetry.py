"""Figures about the service: stage times, request ids, Prometheus counters."""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SHARES = tuple(step / 20 for step in range(1, 21))
REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Stages:
    """How long each stage of one image took, in milliseconds, in the order they ran."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Add `seconds` to stage `name`."""
        self.ms[name] = round(self.ms.get(name, 0.0) + seconds * 1e3, 2)

    def server_timing(self) -> str:
        """Value of the `Server-Timing` header (W3C Server Timing), milliseconds."""
        return ", ".join(f"{name};dur={spent}" for name, spent in self.ms.items())


def request_id(offered: str | None) -> str:
    """Take over a caller's id when it is short and plain ASCII, else make one."""
    return offered if offered and REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)


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

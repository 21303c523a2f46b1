"""Prometheus' figures about the service; docs/operations.md lists them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from cutout.telemetry.stages import Stages
from cutout.telemetry.tracing import Tracing

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SHARES = tuple(step / 20 for step in range(1, 21))
# Any client may send another word; a label must not take it over.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ReadCounter(Collector):
    """A counter that is kept elsewhere and read when it is scraped."""

    def __init__(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """name: without the `_total` that Prometheus gives counters."""
        self._name, self._meaning, self._read = name, meaning, read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The present value."""
        yield CounterMetricFamily(self._name, self._meaning, value=self._read())


class Telemetry:
    """Figures of one app; each app has a registry of its own, so tests do not share them."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        """tracing: records the spans of requests and stages; without it none are recorded."""
        self.tracing = tracing or Tracing()
        own = self.registry = CollectorRegistry()
        ProcessCollector(registry=own)
        PlatformCollector(registry=own)
        self.requests = Counter(
            "cutout_requests",
            "Answers by method, route and status",
            ["method", "route", "status"],
            registry=own,
        )
        self.request_seconds = Histogram(
            "cutout_request_duration_seconds",
            "Time from the head of a request to the last byte of its answer",
            ["route", "status_class"],
            buckets=(*SECONDS, 60),
            registry=own,
        )
        self.images = Counter("cutout_images", "Finished images by model", ["model"], registry=own)
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

    def watch_counter(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Export `name`_total, which only grows and which `read()` gives when it is scraped."""
        self.registry.register(ReadCounter(name, meaning, read))

    def describe(self, name: str, meaning: str, **facts: object) -> None:
        """Export `name`_info, a figure of 1 whose labels are facts that do not change."""
        words = {label: "" if fact is None else str(fact) for label, fact in facts.items()}
        Info(name, meaning, registry=self.registry).info(words)

    def describe_each(self, name: str, meaning: str, each: Sequence[Mapping[str, object]]) -> None:
        """`describe` for several things of one kind, all with the same labels."""
        figure = Gauge(f"{name}_info", meaning, list(each[0]), registry=self.registry)
        for facts in each:
            figure.labels(*("" if fact is None else str(fact) for fact in facts.values())).set(1)

    def stages(self) -> Stages:
        """Times of one image, each stage a span where requests are traced."""
        return Stages(self.tracing.stage)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. route: the rule, never the path, which holds ids."""
        known = method if method in METHODS else "other"
        self.requests.labels(known, route, str(status)).inc()
        self.request_seconds.labels(route, f"{status // 100}xx").observe(seconds)

    def finished(self, stages: Stages, signals: Mapping[str, Any], model: str) -> None:
        """Count one finished image: its model, its stages and its quality signals."""
        self.images.labels(model).inc()
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

    def close(self) -> None:
        """Send the spans that are left."""
        self.tracing.close()

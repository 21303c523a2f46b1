"""Spans to an OpenTelemetry collector, over OTLP/HTTP. Imported only where one is named.

Attributes follow the semantic conventions for HTTP servers; `traceparent` (W3C Trace Context)
of a request is taken over. The SDK's own OTEL_* variables set sampling and resource attributes.
"""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cutout.telemetry.tracing import End, Tracing

# Longest wait (s) for a collector: for one batch, and for the rest when the process ends.
SEND_S, CLOSE_S = 5, 2


class OpenTelemetry(Tracing):
    """Records a span for each request, below it one for each stage of each image."""

    def __init__(self, version: str, processor: SpanProcessor) -> None:
        """version: of this service; processor: takes finished spans."""
        resource = Resource.create({"service.name": "cutout", "service.version": version})
        # Ours ends it: the interpreter's exit comes too late or never.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("cutout", version)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, method: str, route: str, headers: Mapping[str, str], request_id: str) -> End:
        """Begin the span of a request in the current context."""
        carrier = {name.lower(): value for name, value in headers.items()}
        span = self._tracer.start_span(
            f"{method} {route}",
            self._propagator.extract(carrier, context.Context()),
            SpanKind.SERVER,
            {
                "http.request.method": method,
                "http.route": route,
                "cutout.request_id": request_id,
            },
        )
        token = context.attach(trace.set_span_in_context(span))

        def end(status: int) -> None:
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
            span.end()
            context.detach(token)

        return end

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Span of a stage, below the current one."""
        return self._tracer.start_as_current_span(name)

    def close(self) -> None:
        """Send what is left, for at most CLOSE_S seconds; the SDK would wait for each batch."""
        sending = threading.Thread(target=self._provider.force_flush, daemon=True)
        sending.start()
        sending.join(CLOSE_S)


def open_otlp(endpoint: str, version: str) -> OpenTelemetry:
    """Send spans to the collector at `endpoint`, as http://localhost:4318, from a thread."""
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    return OpenTelemetry(version, BatchSpanProcessor(exporter))

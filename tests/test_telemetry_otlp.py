"""Traces: sent to a collector on the loopback, as a request and below it its stages."""

import gzip
import io
import logging
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from loopback import wsgi_server
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from serving import free_port
from standin import StandIn
from test_api import post

from app import create_app, open_tracing
from cutout import __version__
from cutout.errors import ConfigurationError
from cutout.settings import Settings

ROOT = Path(__file__).parent.parent
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """A WSGI application that keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans, self.resources, self.paths = [], [], []

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
            body = gzip.decompress(body)
        self.paths.append(environ["PATH_INFO"])
        for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(batch.resource))
            for scope in batch.scope_spans:
                self.spans.extend(scope.spans)
        start_response("200 OK", [("Content-Type", "application/x-protobuf")])
        return [b""]

    def named(self, name: str):
        return [span for span in self.spans if span.name == name]


def attributes(message) -> dict:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value")) for one in message.attributes
    }


@contextmanager
def traced(tmp_path):
    """A client of the service, and the collector, which has everything after the block."""
    collector = Collector()
    with wsgi_server(collector) as (host, port):
        settings = Settings(
            upload_dir=tmp_path / "uploads",
            result_dir=tmp_path / "results",
            otlp_endpoint=f"http://{host}:{port}",
        )
        app = create_app(settings, StandIn())
        try:
            yield app.test_client(), collector
        finally:
            app.extensions["cutout"].service.close()


def test_a_request_is_a_span_and_its_stages_lie_below(tmp_path, disc_png):
    with traced(tmp_path) as (client, collector):
        headers = {"X-Request-Id": "mine", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert post(client, "/remove-bg", headers, image=disc_png).status_code == 200
    (span,) = collector.named("POST /remove-bg")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/remove-bg",
        "http.response.status_code": 200,
        "cutout.request_id": "mine",
    }
    below = {one.name for one in collector.spans if one.parent_span_id == span.span_id}
    assert {"decode", "model", "encode"} <= below
    assert set(collector.paths) == {"/v1/traces"}
    known = {"service.name": "cutout", "service.version": __version__}
    assert known.items() <= collector.resources[0].items()


def test_every_image_of_a_request_with_many_lies_below_its_span(tmp_path, disc_png):
    with traced(tmp_path) as (client, collector):
        files = [(io.BytesIO(disc_png), "a.png"), (io.BytesIO(disc_png), "b.png")]
        answer = client.post("/remove-bg", data={"image": files}, buffered=True)
        assert answer.mimetype == "application/zip"
    (span,) = collector.named("POST /remove-bg")
    decodes = collector.named("decode")
    assert [one.parent_span_id for one in decodes] == [span.span_id] * 2


def test_a_failure_of_ours_is_an_error_and_the_next_request_stands_apart(tmp_path, disc_png):
    with traced(tmp_path) as (client, collector):
        client.application.extensions["cutout"].service.model.prepare = lambda *_, **__: 1 / 0
        assert post(client, "/remove-bg", image=disc_png).status_code == 500
        assert client.get("/nothing", buffered=True).status_code == 404
    (failed,), (other,) = collector.named("POST /remove-bg"), collector.named("GET unknown")
    assert (failed.status.code, other.status.code) == (2, 0)
    assert other.trace_id != failed.trace_id


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/metrics"])
def test_monitoring_is_not_traced(tmp_path, path):
    with traced(tmp_path) as (client, collector):
        client.get(path, buffered=True)
    assert collector.spans == []


def test_a_collector_that_is_gone_delays_the_end_by_two_seconds_at_most(tmp_path, disc_png, caplog):
    caplog.set_level(logging.CRITICAL)
    settings = Settings(
        upload_dir=tmp_path / "uploads",
        result_dir=tmp_path / "results",
        otlp_endpoint=f"http://127.0.0.1:{free_port()}",
    )
    app = create_app(settings, StandIn())
    assert post(app.test_client(), "/remove-bg", image=disc_png).status_code == 200
    began = time.monotonic()
    app.extensions["cutout"].service.telemetry.close()
    assert time.monotonic() - began < 3
    app.extensions["cutout"].service.close()


def test_without_a_collector_opentelemetry_is_not_imported():
    program = "import app, sys; app.open_tracing(''); print('opentelemetry' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n", done.stderr


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "cutout.telemetry.otlp", raising=False)
    with pytest.raises(ConfigurationError, match=r"requirements-otel\.txt"):
        open_tracing("http://127.0.0.1:4318")


def test_an_endpoint_that_is_no_address_is_refused_at_start():
    with pytest.raises(ValueError, match="otlp_endpoint"):
        Settings(otlp_endpoint="localhost:4318")

"""What happens around every request, whatever endpoint answers it."""

from flask import Flask, Response, g, request

from cutout.http import request_log
from cutout.http.connection import limit_read_time
from cutout.http.headers import add_safe_headers
from cutout.telemetry import Telemetry, request_id


def register(app: Flask, telemetry: Telemetry, body_timeout_s: float) -> None:
    """Give every request an id and a time limit, every answer safe headers; count and log both."""

    @app.before_request
    def begin() -> None:
        g.request_id = request_id(request.headers.get("X-Request-Id"))
        request_log.start()
        limit_read_time(body_timeout_s)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        add_safe_headers(response)
        telemetry.requests.labels(request.endpoint or "unknown", response.status_code).inc()
        request_log.write(response)
        return response

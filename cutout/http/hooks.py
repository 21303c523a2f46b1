"""What happens around every request, whatever endpoint answers it."""

from flask import Flask, Response, g, request

from cutout.http import request_log
from cutout.http.headers import add_safe_headers
from cutout.http.reading import release_memory
from cutout.telemetry import Telemetry, request_id

# In the WSGI environment: the error to answer instead of asking an endpoint, from a server that
# could not read the request. It gets the shape, the id and the line of log of every other error.
REFUSAL = "cutout.refusal"


def register(app: Flask, telemetry: Telemetry) -> None:
    """Give every request an id, every answer safe headers; count and log both."""

    @app.before_request
    def begin() -> None:
        g.request_id = request_id(request.headers.get("X-Request-Id"))
        request_log.start()
        if refusal := request.environ.get(REFUSAL):
            raise refusal

    app.teardown_request(release_memory)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        add_safe_headers(response)
        telemetry.requests.labels(request.endpoint or "unknown", response.status_code).inc()
        request_log.write(response)
        return response

"""What happens around every request, whatever endpoint answers it."""

import time
from collections.abc import Callable

from flask import Flask, Response, g, request

from cutout.errors import StorageFull
from cutout.http import problems, request_log
from cutout.http.current import service
from cutout.http.headers import add_safe_headers
from cutout.http.reading import release_memory
from cutout.telemetry import Telemetry, Tracing, request_id

# Asked every few seconds: their spans would only hide the others.
MONITORING = ("/health", "/livez", "/readyz", "/metrics")
NO_TRACING = Tracing()
# Answers that are not worth counting: every thread may hold one.
SMALL_BYTES = 100_000

# In the WSGI environment: the error to answer instead of asking an endpoint, from a server that
# could not read the request. It gets the shape, the id and the line of log of every other error.
REFUSAL = "cutout.refusal"


def register(app: Flask, telemetry: Telemetry) -> None:
    """Give every request an id, every answer safe headers; count and log both."""

    @app.before_request
    def begin() -> None:
        g.request_id = request_id(request.headers.get("X-Request-Id"))
        g.began = time.perf_counter()
        request_log.start()
        g.end_span = _begin_span(telemetry)
        if refusal := request.environ.get(REFUSAL):
            raise refusal

    app.teardown_request(release_memory)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        add_safe_headers(response)
        request_log.write(response)
        _count_when_sent(response, telemetry)
        return response

    @app.after_request
    def spool(response: Response) -> Response:
        """Count large answers as in memory until they are sent, or put them on disk."""
        size = 0 if response.is_streamed else response.calculate_content_length() or 0
        if size <= SMALL_BYTES:
            return response
        try:
            answer = service().answers.put(response.get_data())
        except StorageFull as error:
            return problems.answer(error)
        # Werkzeug closes it with the response.
        response.response, response.content_length = answer, size
        return response


def route() -> str:
    """The rule that the current request matched, never its path, which may hold an id."""
    return request.url_rule.rule if request.url_rule else "unknown"


def _begin_span(telemetry: Telemetry) -> Callable[[int], None]:
    """Begin to trace the current request; what is returned ends it, given the status."""
    tracing = NO_TRACING if request.path in MONITORING else telemetry.tracing
    return tracing.begin(request.method, route(), dict(request.headers), g.request_id)


def _count_when_sent(response: Response, telemetry: Telemetry) -> None:
    """Count the request, with its time, once its answer is sent or its client is lost.

    Not when Flask tears its context down: an answer that streams has two of them.
    """
    facts = request.method, route(), response.status_code
    began, end_span = g.began, g.end_span

    def sent() -> None:
        telemetry.answered(*facts, time.perf_counter() - began)
        end_span(response.status_code)

    response.call_on_close(sent)

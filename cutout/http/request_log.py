"""One line of log for each request, whatever its answer."""

import logging
import time
from collections.abc import Mapping
from functools import partial
from types import TracebackType

from flask import Response, g, request

log = logging.getLogger(__name__)
# Answers of ours that are no bug and say so themselves: full, stopping, too late.
EXPECTED_5XX = (503, 504)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def start() -> None:
    """Take the time at which the request was read."""
    g.log_start = time.perf_counter()
    g.log_fields = {}


def add(**fields: object) -> None:
    """Add facts about the current request, such as megapixels, cache and device."""
    g.log_fields.update(fields)


def add_image(
    size: tuple[int, ...], device: Mapping[str, object], cache: str | None = None
) -> None:
    """Add the image that was worked on: (height, width), what the model says of its device."""
    add(megapixels=round(size[0] * size[1] / 1e6, 2), cache=cache, device=device.get("device"))


def failed(code: str, error: BaseException) -> None:
    """Note the code word of an answer that is an error, and what was raised."""
    add(code=code)
    g.log_error = error


def write(response: Response) -> None:
    """Log the request once its answer is sent, or its client is lost.

    The route is logged as its rule, never the path itself: ids of results stay private.
    """
    fields = {
        "id": g.request_id,
        "method": request.method[:16],
        "route": request.url_rule.rule if request.url_rule else "unknown",
        "status": response.status_code,
    }
    error: BaseException | None = g.get("log_error")
    response.call_on_close(partial(_log, response, fields | g.log_fields, g.log_start, error))


def _log(
    response: Response, fields: dict[str, object], start: float, error: BaseException | None
) -> None:
    fields["ms"] = round((time.perf_counter() - start) * 1e3, 1)
    fields["bytes"] = response.content_length
    known = {name: value for name, value in fields.items() if value is not None}
    level, trace = _level_and_trace(response.status_code, error)
    log.log(level, "request", exc_info=trace, extra={"fields": known})


def _level_and_trace(status: int, error: BaseException | None) -> tuple[int, ExcInfo | None]:
    """The trace goes with failures of ours that nobody expects: 500, 507."""
    if status < 500:
        return logging.INFO, None
    if status in EXPECTED_5XX or error is None:
        return logging.WARNING, None
    return logging.ERROR, (type(error), error, error.__traceback__)

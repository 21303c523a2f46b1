"""Answers to requests that never reach an endpoint: malformed, too slow, too many."""

from typing import Any

from gunicorn.http import errors as parse_errors
from werkzeug.test import run_wsgi_app

from cutout import errors
from cutout.http.hooks import REFUSAL
from cutout.server.bodies import Application

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
# gunicorn's class, ours, and what to tell; any other parse error is a 400.
TABLE = (
    (parse_errors.LimitRequestLine, errors.UriTooLong, "The first line is too long."),
    (parse_errors.LimitRequestHeaders, errors.HeadTooLarge, "The headers are too large."),
    (parse_errors.ExpectationFailed, errors.ExpectationFailed, "Expect takes 100-continue."),
    (
        parse_errors.UnsupportedTransferCoding,
        errors.UnsupportedCoding,
        "Transfer-Encoding takes chunked.",
    ),
)


def translated(error: Exception) -> errors.CutoutError:
    """What gunicorn raised, as an error that the app can answer."""
    if isinstance(error, errors.CutoutError):
        return error
    for theirs, ours, detail in TABLE:
        if isinstance(error, theirs):
            return ours(detail)
    if isinstance(error, parse_errors.ParseException):
        return errors.MalformedRequest(f"The request is not understood: {error}.")
    return errors.CutoutError("Something went wrong here; the log has it.")


def answer(app: Application, error: errors.CutoutError, line: bytes, address: str) -> bytes:
    """The whole HTTP response, in the shape that the app gives its errors on this path.

    line: the first of the request, as far as it came. The app logs and counts the answer.
    """
    environ = _environ(line, address) | {REFUSAL: error}
    parts, status, headers = run_wsgi_app(app, environ, buffered=True)
    body = b"".join(parts)
    head = [f"HTTP/1.1 {status}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    whole = "\r\n".join([*head, "", ""]).encode("latin-1")
    return whole if environ["REQUEST_METHOD"] == "HEAD" else whole + body


def _environ(line: bytes, address: str) -> dict[str, Any]:
    """Enough of a WSGI environment for an app that looks at method and path alone."""
    words = line.decode("latin-1").split(" ")
    path = words[1].partition("?")[0] if len(words) > 1 else ""
    return {
        "REQUEST_METHOD": words[0] if words[0] in METHODS else "GET",
        # No route is asked for where none could be read.
        "PATH_INFO": path if path.startswith("/") else "/-",
        "REMOTE_ADDR": address,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "0",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
    }

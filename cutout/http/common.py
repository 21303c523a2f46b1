"""What the endpoints share: the service, reading a part, watching the client, headers."""

import select
import socket

from flask import current_app, request
from werkzeug.datastructures import FileStorage

from cutout.errors import EmptyFile, InvalidRequest, InvalidValue, Overloaded
from cutout.service import Service
from cutout.telemetry import Stages

PIECE_BYTES = 1_000_000
MIMETYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}


def service() -> Service:
    """The parts joined by `app.create_app`; the model is loaded on first use."""
    return current_app.extensions["cutout"].service


def read(part: FileStorage | str, field: str) -> bytes:
    """Bytes of one uploaded file. Raises EmptyFile, InvalidValue (text), InvalidRequest (two)."""
    if isinstance(part, str):
        raise InvalidValue(f"Send {field!r} as a file, not as text: -F {field}=@…", field=field)
    if len(request.files.getlist(field)) > 1:
        raise InvalidRequest(f"Send one file as {field!r}, not several.", field=field)
    data = part.read()
    if not data:
        raise EmptyFile(f"The file in {field!r} is empty.", field=field)
    return data


def refuse_when_full() -> None:
    """Answer 503 before the body is parsed: a full house must not spend its time on forms.

    The body is still taken off the line, in large pieces: clients that are sending do not listen
    yet, and what is left would be read as the next request.
    """
    try:
        service().queue_limit.refuse_early()
    except Overloaded:
        while request.stream.read(PIECE_BYTES):
            pass
        raise


def limit_read_time(timeout_s: float) -> None:
    """Let a body pause for `timeout_s` seconds at most: slow senders must not hold all threads.

    gunicorn's threads read without a limit of time; elsewhere the server keeps its own.
    """
    connection = request.environ.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        connection.settimeout(timeout_s)


def client_connected():
    """Tell whether this request's client still listens; True where the server cannot say."""
    connection = request.environ.get("gunicorn.socket")

    def listening() -> bool:
        if not isinstance(connection, socket.socket):
            return True
        # Not select: it cannot watch descriptors above 1023, and a busy server has them.
        watch = select.poll()
        try:
            watch.register(connection, select.POLLIN)
            quiet = not watch.poll(0)
            return quiet or connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False

    return listening


def signal_headers(signals: dict) -> dict[str, str]:
    """Quality signals as `X-Cutout-*` headers."""
    return {
        f"X-Cutout-{name.replace('_', '-').title()}": _text(value)
        for name, value in signals.items()
        if value is not None
    }


def timing_header(stages: Stages) -> dict[str, str]:
    return {"Server-Timing": stages.server_timing()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

"""The client's connection, where the server is gunicorn; elsewhere the server keeps its own."""

import select
import socket
import sys
from collections.abc import Callable

from flask import request


def end_connection() -> None:
    """Have the server close the connection after this answer: a part of the body is unread."""
    end: Callable[[], None] | None = getattr(
        request.environ.get("wsgi.input"), "end_connection", None
    )
    if end is not None:
        end()


def client_connected() -> Callable[[], bool]:
    """A function that tells whether this request's client still waits for the answer.

    It may be called from other threads; it answers True where the server cannot say.
    """
    connection = _connection()

    def connected() -> bool:
        if connection is None or sys.platform == "win32":
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

    return connected


def _connection() -> socket.socket | None:
    connection = request.environ.get("gunicorn.socket")
    return connection if isinstance(connection, socket.socket) else None

"""Gunicorn's threaded worker, in which clients that are slow to hang up hold nobody else."""

import socket
import time
from contextlib import suppress

from gunicorn.workers.gthread import ThreadWorker

# Unread bytes at the time of closing would reset the connection before the answer is through
# (RFC 9112, section 9.6); so long, and for so much, the client is heard out.
LINGER_S, LINGER_BYTES = 2.0, 65_536


class Worker(ThreadWorker):
    """Waits for a client's end of the connection in that request's thread.

    gunicorn 27 waits up to two seconds for each in its main loop, where meanwhile nobody is
    accepted and /health stands still.
    """

    def handle(self, conn):
        """Answer a request; True keeps the connection, False has it closed."""
        kept = super().handle(conn)
        if kept is False:
            linger_close(conn.sock)
        return kept


def linger_close(link: socket.socket) -> None:
    """End a connection so that closing it never waits and, for a fair client, never resets."""
    until, left = time.monotonic() + LINGER_S, LINGER_BYTES
    # Whatever else fails, the connection is gone already.
    with suppress(OSError):
        link.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):
            while left > 0 and (seconds := until - time.monotonic()) > 0:
                link.settimeout(seconds)
                heard = link.recv(4096)
                left = left - len(heard) if heard else 0
        link.shutdown(socket.SHUT_RD)

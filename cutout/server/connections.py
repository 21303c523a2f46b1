"""Connections that wait for their clients without a thread: for a head, idle, or closing."""

import math
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, ParseException
from gunicorn.workers.gthread import TConn

from cutout.errors import CutoutError
from cutout.server.bodies import BoundedParser
from cutout.server.client_socket import ClientSocket, TransferLimits

# Of a request's first line and headers together.
MAX_HEAD_BYTES = 32_768
# Unread bytes at the time of closing would reset the connection before the answer is through
# (RFC 9112, section 9.6); so many are still read.
LINGER_BYTES = 65_536
_BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_MONITORING = re.compile(rb"(?:GET|HEAD) /(?:health|livez|readyz|metrics)[ ?]")


class Kind(Enum):
    """What a request may need of a thread."""

    MONITORING = auto()
    LIGHT = auto()
    BODY = auto()
    REFUSAL = auto()


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One client's connection; the head of its next request is collected here.

    refusal: why it is answered without the app's endpoints being asked, or None.
    """

    parser: BoundedParser | None
    initialized: bool

    def __init__(
        self, cfg: Any, accepted: socket.socket, addresses: tuple[Any, Any], limits: TransferLimits
    ) -> None:
        """addresses: the client's and the server's."""
        super().__init__(cfg, ClientSocket(accepted, limits), *addresses)
        # A thread is only asked when there is something to read: gunicorn need not wait.
        self.data_ready = True
        self.head = bytearray()
        self.refusal: ParseException | CutoutError | None = None
        self.kind = Kind.LIGHT
        self.deadline = 0.0
        self.lingered = 0

    @property
    def address(self) -> str:
        """The client's address; all clients of a Unix socket count as one."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    def init(self) -> None:
        """Give the head to gunicorn's parser; gunicorn calls this in the request's thread."""
        if self.parser is None:
            self.parser = BoundedParser(self.cfg, self.sock, self.client)
        self.parser.unreader.unread(bytes(self.head))
        self.head.clear()
        self.initialized = True

    def receive(self) -> None:
        """Take what has arrived of a head. Raises ConnectionError when the client has left."""
        try:
            data = self.sock.recv(MAX_HEAD_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("the client has left")
        self.head += data

    def take_back(self) -> None:
        """After an answer: what the parser has read of the next request."""
        if self.parser is not None:
            self.head += self.parser.unreader.take_buffered()

    def is_complete(self) -> bool:
        """Whether a thread can answer without waiting: the head is whole, or is refused."""
        end = self.head.find(b"\r\n\r\n")
        lines = self.head if end < 0 else self.head[: end + 2]
        if end < 0 and len(lines) > MAX_HEAD_BYTES:
            self.refusal = LimitRequestHeaders(f"the head is over {MAX_HEAD_BYTES} bytes")
        elif lines.count(b"\n") != lines.count(b"\r\n"):
            self.refusal = InvalidHeader("a line that does not end in CR LF")
        if end < 0 and self.refusal is None:
            return False
        self.kind = Kind.REFUSAL if self.refusal else _kind(bytes(lines))
        self.sock.begin_request(bytes(lines.partition(b"\r\n")[0]))
        return True

    def shut(self) -> None:
        """Say that nothing more is sent, before the client's end is waited for."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def drain(self) -> bool:
        """Drop what the client still sends; False when it has closed or sends too much."""
        try:
            data = self.sock.recv(LINGER_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        self.lingered += len(data)
        return bool(data) and self.lingered < LINGER_BYTES


def _kind(head: bytes) -> Kind:
    if _BODY.search(head):
        return Kind.BODY
    return Kind.MONITORING if _MONITORING.match(head) else Kind.LIGHT


class WaitingConnections:
    """Connections of one kind of waiting, in the order in which their time ends."""

    def __init__(
        self,
        poller: selectors.BaseSelector,
        seconds: float,
        on_readable: Callable[[Connection], None],
    ) -> None:
        """seconds: how long each may wait. on_readable: called when its client sends or leaves."""
        self._poller, self._seconds, self._on_readable = poller, seconds, on_readable
        self._connections: dict[Connection, None] = {}
        self._limit = math.inf

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, conn: Connection) -> None:
        conn.deadline = min(time.monotonic() + self._seconds, self._limit)
        self._connections[conn] = None
        self._poller.register(
            conn.sock, selectors.EVENT_READ, lambda _sock: self._on_readable(conn)
        )

    def remove(self, conn: Connection) -> None:
        del self._connections[conn]
        self._poller.unregister(conn.sock)

    def oldest(self) -> Connection | None:
        return next(iter(self._connections), None)

    def take_expired(self) -> Iterator[Connection]:
        """Give and remove those whose time is over."""
        while (conn := self.oldest()) and conn.deadline <= time.monotonic():
            self.remove(conn)
            yield conn

    def cut_short(self, limit: float) -> None:
        """Let none wait beyond `limit` (monotonic), nor one that is added later."""
        self._limit = limit
        for conn in self._connections:
            conn.deadline = min(conn.deadline, limit)

"""The part of the worker that reads, answers and closes connections: no thread ever waits idle.

gunicorn's own gives each new connection a thread at once, and reads its head there without a limit
of time. Here heads are collected in the poller, and a request gets a thread when its head is
whole: of its own share of the threads, so that slow bodies never keep /health from being answered.
"""

import errno
import logging
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property
from socket import socket
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from cutout.errors import CutoutError, HeadTimeout, Overloaded
from cutout.server import refusals
from cutout.server.bodies import with_checked_body
from cutout.server.client_socket import ClientSocket, TransferLimits
from cutout.server.connections import Connection, Kind, WaitingConnections
from cutout.server.lanes import Lane
from cutout.settings import load

log = logging.getLogger(__name__)
# Threads for requests without a body, and for those that monitoring sends.
LIGHT_THREADS, MONITORING_THREADS = 32, 8
# For answers to requests that reach no endpoint: few, or a crowd of them would keep the others from
# the interpreter.
REFUSAL_THREADS = 4
OTHER_THREADS = LIGHT_THREADS + MONITORING_THREADS + REFUSAL_THREADS
# How long a client may take to close its end after the last answer.
LINGER_S = 2.0
# After which a request that finds all threads of its kind taken is refused.
MAX_THREAD_WAIT_S = 10.0
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
# At once, so that accepting many connections does not keep others waiting.
ACCEPT_BATCH = 32


class ConnectionWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker with bounded heads and bodies, and threads shared by kind."""

    wsgi: Any
    # The app as it was loaded, with what it keeps in `extensions`.
    flask_app: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.flask_app, self.wsgi = self.wsgi, with_checked_body(self.wsgi)

    def init_process(self) -> None:
        settings = load()
        self.transfer_limits = TransferLimits(
            window_s=settings.body_timeout_s,
            min_rate=settings.min_body_rate,
            total_s=settings.body_total_s,
            send_pause_s=settings.send_timeout_s,
        )
        self.header_timeout_s = settings.header_timeout_s
        self.lanes = {
            Kind.MONITORING: Lane(MONITORING_THREADS),
            Kind.LIGHT: Lane(LIGHT_THREADS, MAX_THREAD_WAIT_S),
            Kind.REFUSAL: Lane(REFUSAL_THREADS),
            Kind.BODY: Lane(self.cfg.threads - OTHER_THREADS, MAX_THREAD_WAIT_S),
        }
        super().init_process()

    @cached_property
    def heads(self) -> WaitingConnections:
        """Connections whose next head has begun, and new ones."""
        return WaitingConnections(self.poller, self.header_timeout_s, self._on_head_readable)

    @cached_property
    def idle(self) -> WaitingConnections:
        """Connections that are kept between two requests."""
        return WaitingConnections(self.poller, self.cfg.keepalive, self._on_idle_readable)

    @cached_property
    def closing(self) -> WaitingConnections:
        """Connections that were answered for the last time, whose client has not closed yet."""
        return WaitingConnections(self.poller, LINGER_S, self._on_closing_readable)

    def accept(self, listener: socket) -> None:
        """Take what has connected; each waits for its head without a thread."""
        for _ in range(ACCEPT_BATCH):
            try:
                accepted, client = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_DESCRIPTORS:
                    raise
                self._close_longest_waiting()
                return
            self.nr_conns += 1
            addresses = client, listener.getsockname()
            conn = Connection(self.cfg, accepted, addresses, self.transfer_limits)
            self.heads.add(conn)
            if self.nr_conns > self.worker_connections:
                self._close_longest_waiting()

    def _close_longest_waiting(self) -> None:
        """Make room for a new connection; it may be the one that monitoring needs."""
        for waiting in (self.closing, self.idle, self.heads):
            if conn := waiting.oldest():
                waiting.remove(conn)
                self._close_now(conn)
                return

    def _on_head_readable(self, conn: Connection) -> None:
        try:
            conn.receive()
        except OSError:
            self.heads.remove(conn)
            self._close_now(conn)
            return
        if conn.is_complete():
            self.heads.remove(conn)
            self._queue(conn)

    def _on_idle_readable(self, conn: Connection) -> None:
        self.idle.remove(conn)
        self.heads.add(conn)
        self._on_head_readable(conn)

    def _on_closing_readable(self, conn: Connection) -> None:
        more = False
        with suppress(OSError):
            more = conn.drain()
        if not more:
            self.closing.remove(conn)
            self._close_now(conn)

    def _queue(self, conn: Connection) -> None:
        """A request is there: it gets a thread of its kind, or waits for one."""
        self.lanes[conn.kind].add(conn)
        self._start_requests(conn.kind)

    def _start_requests(self, kind: Kind) -> None:
        while conn := self.lanes[kind].start():
            self._submit(conn)

    def _submit(self, conn: Connection) -> None:
        future = self.tpool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self._after_request, conn, done)
        )

    def _after_request(self, conn: Connection, done: "Future[object]") -> None:
        """In the main thread: the connection goes on, or ends."""
        self.lanes[conn.kind].end(conn)
        self._start_requests(conn.kind)
        if conn.sock.given_up:
            self._close_now(conn)
            return
        if done.cancelled() or done.exception() or not done.result():
            conn.shut()
            self.closing.add(conn)
            return
        conn.take_back()
        if not conn.head:
            self.idle.add(conn)
        elif conn.is_complete():
            self._queue(conn)
        else:
            self.heads.add(conn)

    def handle(self, conn: Connection) -> object:
        """Answer a request, in a thread; True keeps the connection."""
        if conn.refusal is not None:
            self.handle_error(None, conn.sock, conn.client, conn.refusal)
            return False
        kept: object = super().handle(conn)
        return kept

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """As gunicorn's; a body that turns out to be broken while it is dropped ends it too."""
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except (OSError, ParseException):
            return False

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Answer what reached no endpoint, in the app's own shape."""
        error = refusals.translated(exc)
        if error.status == 500:
            log.error("a request failed outside the app", exc_info=exc)
        address = str(addr[0]) if isinstance(addr, tuple) else ""
        data = refusals.answer(self.flask_app, error, client.request_line, address)
        with suppress(OSError):
            client.sendall(data)

    def end_waiting(self) -> None:
        """Answer or close those whose time is over; the main loop calls this every round."""
        for conn in self.closing.take_expired():
            self._close_now(conn)
        for conn in self.idle.take_expired():
            self._close_now(conn)
        for conn in self.heads.take_expired():
            if conn.head:
                conn.is_complete()
                self._refuse(conn, HeadTimeout("The headers arrived too slowly; send them again."))
            else:
                self._close_now(conn)
        for lane in self.lanes.values():
            for conn in lane.take_expired():
                self._refuse(conn, Overloaded("Too many requests at once; try again in a moment."))

    def _refuse(self, conn: Connection, error: CutoutError) -> None:
        conn.refusal, conn.kind = error, Kind.REFUSAL
        self._queue(conn)

    def _close_now(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

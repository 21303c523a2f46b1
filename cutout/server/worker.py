"""Gunicorn's threaded worker: how this service starts, stops, fails, and closes connections."""

import logging
import os
import selectors
import sys
import threading
import time
from types import FrameType

from cutout.server.connection_worker import ConnectionWorker
from cutout.service import Service

log = logging.getLogger(__name__)
# The master kills after graceful_timeout; we end so much sooner, with a line of log.
STOP_MARGIN_S = 2.0
# A client may be sending its next request on a kept connection already: so long it is answered.
IDLE_LINGER_S = 2.0
# After the model failed: for answers that are being sent, and for /health to say so.
FAILED_LINGER_S = 2.0
# Not 3 or 4, which tell gunicorn's master to give up.
EXIT_FAILED = 1
# Making a graph takes a minute or two, once; by then something hangs.
MAX_LOAD_S = 900


class Worker(ConnectionWorker):
    """Serves until SIGTERM, then goes on, unready, until every admitted image is answered.

    gunicorn itself stops accepting at SIGTERM: balancers would see time-outs, never a 503, and
    new connections would hang in the kernel's queue until the end.
    """

    def load_wsgi(self) -> None:
        """Load the app, with its model, and tell the master meanwhile that this is no hang."""
        start, loaded = time.monotonic(), threading.Event()
        threading.Thread(target=self._notify_until, args=(loaded,), daemon=True).start()
        try:
            super().load_wsgi()
        finally:
            loaded.set()
        self.loaded_s = time.monotonic() - start

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: admit no more images from now on; `run` goes on to the end of the others."""
        if not self.booted:
            sys.exit(0)
        self.service.draining = True
        super().handle_exit(sig, frame)

    @property
    def service(self) -> Service:
        """The service inside the app."""
        service: Service = self.flask_app.extensions["cutout"].service
        return service

    def run(self) -> None:
        """Serve to the end; a failed model ends the process, for the master to start another."""
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.set_accept_enabled(True)
        self._log_ready()
        while self.alive and not self.service.failed and self.is_parent_alive():
            self._serve_events()
        if self.service.failed:
            self._end_failed(self.service.failed)
        self._stop(time.monotonic() + self.cfg.graceful_timeout - STOP_MARGIN_S)

    def _notify_until(self, loaded: threading.Event) -> None:
        end = time.monotonic() + MAX_LOAD_S
        while not loaded.wait(self.timeout / 2) and time.monotonic() < end:
            self.notify()

    def _log_ready(self) -> None:
        device = self.service.model.device()
        address = ", ".join(map(str, self.sockets))
        place = f"{device.get('device')}, {device.get('precision')}"
        log.info("ready: %s, %s, %.1f s", address, place, self.loaded_s)

    def _serve_events(self, accept: bool = True) -> None:
        """One round of the main loop: at most a second, sooner when something happens."""
        self.notify()
        self.set_accept_enabled(accept)
        self.wait_for_and_dispatch_events(timeout=1.0)
        self.end_waiting()

    def _stop(self, end: float) -> None:
        """Answer what was admitted, close, and end the process, by `end` at the latest.

        Not through the interpreter's exit: that takes seconds, waits for a model that hangs, and
        aborts where an engine still computes. Nothing is left for it to do.
        """
        self.alive = False
        self.service.draining = True
        log.info("stopping: %d admitted images are finished first", self.service.queue_limit.inside)
        self._drain(end)
        self._close(end)
        if self.nr_conns > 0:
            log.warning("%d connections did not end in time and are cut", self.nr_conns)
        self.service.telemetry.close()
        log.info("stopped")
        os._exit(0)

    def _drain(self, end: float) -> None:
        """Go on serving, /health as unready and new images as refused, while images are inside."""
        while self.service.queue_limit.inside and time.monotonic() < end:
            self._serve_events()

    def _close(self, end: float) -> None:
        """Refuse connections and let the last answers go out."""
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
        limit = min(end, time.monotonic() + IDLE_LINGER_S)
        for waiting in (self.idle, self.heads):
            waiting.cut_short(limit)
        while self.nr_conns > 0 and time.monotonic() < end:
            self._serve_events(accept=False)

    def _end_failed(self, why: str) -> None:
        """End at once: at exit the interpreter would wait for the model, which may hang."""
        log.critical("the model failed (%s): this process ends, to be started again", why)
        self.alive = False
        self.service.give_up()
        end = time.monotonic() + FAILED_LINGER_S
        self._drain(end)
        self._close(end)
        os._exit(EXIT_FAILED)

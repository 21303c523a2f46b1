"""waitress, which serves where gunicorn does not run (Windows), or where CUTOUT_SERVER names it.

It reads bodies whole before a thread is asked. Total limits on slow heads and bodies, and the end
of work for clients that have left, are gunicorn's alone; here a silent connection ends after a
while.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import waitress

from cutout.service import Service
from cutout.settings import Settings

log = logging.getLogger(__name__)
# Beside the threads of admitted images: for /health and refusals.
OTHER_THREADS = 16
SILENT_S = 40
# After the last image: for its answer to go out; after the model failed: for /health to say so.
LINGER_S, CHECK_S = 2.0, 0.1
EXIT_FAILED = 1


def serve(make_app: Callable[[], Any], settings: Settings) -> None:
    """Serve until Ctrl-C, SIGTERM or the failure of the model; the process ends here.

    make_app: gives the Flask application.
    """
    began = time.monotonic()
    app = make_app()
    service: Service = app.extensions["cutout"].service
    server = waitress.create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.queue + OTHER_THREADS,
        connection_limit=4 * settings.queue + 64,
        channel_timeout=SILENT_S,
        max_request_body_size=settings.max_body_bytes,
        # Forwarded headers are judged in cutout/http/proxies.py.
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stopper(stop))
    threading.Thread(target=_end, args=(server, service, stop), daemon=True).start()
    device = service.model.device()
    log.info(
        "ready: http://%s:%s, %s, %s, %.1f s, waitress",
        settings.host,
        settings.port,
        device.get("device"),
        device.get("precision"),
        time.monotonic() - began,
    )
    server.run()


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(sig: int, frame: FrameType | None) -> None:
        stop.set()

    return handle


def _end(server: Any, service: Service, stop: threading.Event) -> None:
    """Wait for the signal or a failure, finish what was admitted, and end the process.

    Not through the interpreter's exit, which waits for a model that hangs, and aborts where an
    engine still computes.
    """
    while not stop.wait(CHECK_S) and not service.failed:
        pass
    service.draining = True
    failed = service.failed
    if failed:
        log.critical("the model failed (%s): this process ends, to be started again", failed)
        service.give_up()
        time.sleep(LINGER_S)
        os._exit(EXIT_FAILED)
    log.info("stopping: %d admitted images are finished first", service.queue_limit.inside)
    _wait(lambda: service.queue_limit.inside == 0, service.deadline_s)
    _wait(lambda: not _sending(server), LINGER_S)
    log.info("stopped")
    os._exit(0)


def _sending(server: Any) -> bool:
    """Whether a request is being answered."""
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.total_outbufs_len for channel in channels)


def _wait(done: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not done() and time.monotonic() < end:
        time.sleep(CHECK_S)

"""Rate limits: images and megapixels a client may have made in a minute.

A fixed window of 60 s that begins with a client's first image. Counted in memory by flask-limiter:
one process serves, and a restart may begin anew. Endpoints call `refuse_early` before the body is
read and `charge` once the sizes are known; what fails afterwards is given back.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import cast

from flask import Flask, Response, current_app, g
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage

from cutout.errors import RateLimited
from cutout.http.client import client_name, discard_body

EXTENSION = "cutout_rate_limits"


@dataclass(frozen=True)
class Window:
    """What is left of one limit for one client, for the answer's headers."""

    limit: int
    remaining: int
    # Unix time in seconds at which the next window begins.
    reset: float

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(ceil(self.reset)),
        }


@dataclass
class Charge:
    """Units taken from a client's windows. `tightest` is the window that will end first."""

    client: str = ""
    tightest: Window | None = None
    # (limit, units, end of the window they were taken from)
    taken: list[tuple[RateLimitItem, int, float]] = field(default_factory=list)


class WindowSpent(RateLimited):
    """Carries the window for the answer's headers."""

    def __init__(self, window: Window, unit: str) -> None:
        """unit: what the window counts, `images` or `megapixels`."""
        wait_s = max(1, ceil(window.reset - time.time()))
        super().__init__(
            f"{window.limit} {unit} a minute are allowed; {window.remaining} are left until the "
            f"next window begins in {wait_s} s.",
            wait_s,
            limit=window.limit,
            unit=unit,
        )
        self.window = window


class RateLimits:
    """The limits of one process; safe to call from several threads."""

    def __init__(self, limiter: Limiter, images: int, megapixels: int) -> None:
        """images, megapixels: a minute and client; 0 is no limit."""
        self._limiter, self._storage = limiter, cast(MemoryStorage, limiter.storage)
        # The key that flask-limiter counts under contains the namespace: the two stay apart.
        self._images = RateLimitItemPerMinute(images, namespace="images") if images else None
        self._megapixels = (
            RateLimitItemPerMinute(megapixels, namespace="megapixels") if megapixels else None
        )
        self._lock = threading.Lock()

    def charge(self, client: str, pixels: tuple[int, ...]) -> Charge:
        """Take one image and its megapixels, each begun one whole, for every number of pixels.

        All or nothing. A request larger than a limit takes a whole window, so that it can pass at
        all. Raises RateLimited.
        """
        megapixels = sum(max(1, ceil(count / 1_000_000)) for count in pixels)
        costs = [(self._images, len(pixels)), (self._megapixels, megapixels)]
        wanted: list[tuple[RateLimitItem, int]] = [
            (item, min(units, item.amount)) for item, units in costs if item and units
        ]
        with self._lock:
            for item, units in wanted:
                if not self._limiter.limiter.test(item, client, cost=units):
                    raise self._refusal(item, client)
            return self._take(client, wanted)

    def refuse_early(self, client: str) -> None:
        """Raise RateLimited if not even the smallest image is left to `client`."""
        with self._lock:
            for item in filter(None, (self._images, self._megapixels)):
                if not self._limiter.limiter.test(item, client):
                    raise self._refusal(item, client)

    def refund(self, charge: Charge) -> None:
        """Give back what was taken, unless its window is over. Later calls do nothing."""
        with self._lock:
            for item, units, end in charge.taken:
                key = item.key_for(charge.client)
                if self._storage.get_expiry(key) == end and end > time.time():
                    self._storage.decr(key, units)
            charge.taken.clear()

    def _take(self, client: str, wanted: list[tuple[RateLimitItem, int]]) -> Charge:
        charge = Charge(client)
        for item, units in wanted:
            self._limiter.limiter.hit(item, client, cost=units)
            end = self._storage.get_expiry(item.key_for(client))
            charge.taken.append((item, units, end))
        windows = [self._window(item, client) for item, _ in wanted]
        charge.tightest = min(windows, key=lambda it: it.remaining / it.limit, default=None)
        return charge

    def _window(self, item: RateLimitItem, client: str) -> Window:
        stats = self._limiter.limiter.get_window_stats(item, client)
        return Window(item.amount, stats.remaining, stats.reset_time)

    def _refusal(self, item: RateLimitItem, client: str) -> WindowSpent:
        return WindowSpent(self._window(item, client), item.namespace)


def charge(*pixels: int) -> Charge:
    """Count the images of this request, each given by its number of pixels. Raises RateLimited.

    Call it when the sizes are known from the headers of the files, before anything is decoded. If
    the answer is an error, the charge is given back.
    """
    try:
        taken = _limits().charge(client_name(), pixels)
    except WindowSpent as error:
        g.rate_window = error.window
        raise
    g.setdefault("rate_charges", []).append(taken)
    if taken.tightest:
        g.rate_window = taken.tightest
    return taken


def charger() -> Callable[[int], Callable[[], None]]:
    """How to charge the client of this request for an image, from any thread.

    The function takes an image's number of pixels, raises RateLimited, and returns what gives the
    charge back.
    """
    limits, client, context = _limits(), client_name(), g._get_current_object()

    def charge_image(pixels: int) -> Callable[[], None]:
        try:
            taken = limits.charge(client, (pixels,))
        except WindowSpent as error:
            context.rate_window = error.window
            raise
        if taken.tightest:
            context.rate_window = taken.tightest
        return partial(limits.refund, taken)

    return charge_image


def refund(charge: Charge) -> None:
    """Give back one image of several that failed, while the request goes on."""
    _limits().refund(charge)


def refuse_early() -> None:
    """Answer 429 before the body is parsed, if nothing is left to this client."""
    try:
        _limits().refuse_early(client_name())
    except WindowSpent as error:
        g.rate_window = error.window
        discard_body()
        raise


def register(app: Flask, images_per_minute: int, megapixels_per_minute: int) -> None:
    """Count by API key, or by address where there is none; 0 is no limit.

    Answers tell the window that is nearest to its end, in X-RateLimit-Limit, -Remaining and
    -Reset (Unix time). Errors other than 429 carry none of them and cost nothing.
    """
    # flask-limiter's own headers would send Retry-After with every answer.
    limiter = Limiter(
        client_name,
        app=app,
        storage_uri="memory://",
        strategy="fixed-window",
        headers_enabled=False,
    )
    limits = RateLimits(limiter, images_per_minute, megapixels_per_minute)
    app.extensions[EXTENSION] = limits

    @app.after_request
    def settle(response: Response) -> Response:
        if response.status_code >= 400:
            for taken in g.get("rate_charges", []):
                limits.refund(taken)
        window: Window | None = g.get("rate_window")
        if window and (response.status_code < 400 or response.status_code == 429):
            response.headers.update(window.headers())
        return response


def _limits() -> RateLimits:
    limits: RateLimits = current_app.extensions[EXTENSION]
    return limits

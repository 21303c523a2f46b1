"""CORS: which pages of other origins may read the answers; none, unless named."""

import re
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, request
from flask_cors import CORS

from cutout.errors import ConfigurationError

ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")
REMOVEBG_PATHS = re.compile(r"/v1\.0/")
OTHER_PATHS = re.compile(r"/(?!v1\.0/)")
ALLOWED_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "X-API-Key",
    "X-Request-Id",
)
METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
PREFLIGHT_S = 3600


def register(app: Flask, origins: Sequence[str], removebg_origins: Sequence[str]) -> None:
    """Answer preflights and mark answers, errors too, for pages of the named origins.

    origins: such as `https://shop.example` or `http://localhost:3000`, for all paths but /v1.0/.
    removebg_origins: for /v1.0/, or `*` alone for every page, as remove.bg itself has it.
    Cookies are never used, so none are allowed. Raises ConfigurationError.
    """
    resources: dict[str | re.Pattern[str], dict[str, Any]] = {}
    if origins:
        resources[OTHER_PATHS] = {"origins": [_exactly(origin) for origin in origins]}
    if list(removebg_origins) == ["*"]:
        # On every answer, asked or not, as recorded from remove.bg.
        resources[REMOVEBG_PATHS] = {"origins": "*", "send_wildcard": True, "always_send": True}
    elif removebg_origins:
        resources[REMOVEBG_PATHS] = {"origins": [_exactly(origin) for origin in removebg_origins]}
    if not resources:
        return
    by_origin = [paths for paths, options in resources.items() if options["origins"] != "*"]

    @app.after_request
    def vary(response: Response) -> Response:
        if any(re.match(paths, request.path) for paths in by_origin):
            response.vary.add("Origin")
        return response

    CORS(
        app,
        resources=resources,
        methods=list(METHODS),
        allow_headers=list(ALLOWED_HEADERS),
        # Every header: names of X-Cutout-* depend on the request. Without cookies * is allowed.
        expose_headers="*",
        max_age=PREFLIGHT_S,
        supports_credentials=False,
        always_send=False,
        # Below, also on answers to other origins, which a cache must not give to a named one.
        vary_header=False,
        # Flask's own hook runs for answered errors as well; twice would be once too often.
        intercept_exceptions=False,
    )


def _exactly(origin: str) -> re.Pattern[str]:
    """Match this origin only: flask-cors would take `[` or `*` in a text for an open pattern."""
    text = origin.strip().lower()
    if not ORIGIN.fullmatch(text):
        raise ConfigurationError(
            f"{origin!r} is not an origin; write scheme, host and port like https://shop.example "
            "or http://localhost:3000, without a path. `*` is only for the remove.bg paths, alone."
        )
    return re.compile(re.escape(text) + r"\Z", re.IGNORECASE)

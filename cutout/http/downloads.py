"""Images that a request names by their address: off unless the operator allows sources."""

from collections.abc import Callable

from flask import Flask, current_app

from cutout.errors import DownloadForbidden
from cutout.http.allow_list import AllowList
from cutout.http.fetch import fetch
from cutout.http.reading import hold_in_memory

EXTENSION = "cutout_downloads"
Fetch = Callable[[str], bytes]


def register(app: Flask, allow: AllowList | None, max_bytes: int, timeout_s: float) -> Fetch | None:
    """Let endpoints fetch what `allow` allows; None: nothing. Returns the function or None."""

    def get(url: str) -> bytes:
        if allow is None:
            return b""
        return fetch(
            url, allow=allow, max_bytes=max_bytes, timeout_s=timeout_s, hold=hold_in_memory
        )

    app.extensions[EXTENSION] = get if allow else None
    return get if allow else None


def download(url: str, field: str) -> bytes:
    """The bytes behind an address. Raises DownloadForbidden where this server fetches nothing."""
    get: Fetch | None = current_app.extensions[EXTENSION]
    if get is None:
        raise DownloadForbidden(
            f"This server does not fetch images: send the file itself instead of {field}.",
            field=field,
        )
    return get(url)

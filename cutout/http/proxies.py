"""The client's address behind reverse proxies: `X-Forwarded-*` only from named ones."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from flask import Flask

from cutout.http.addresses import Address, Network, parse_network, without_mapping

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Instead of a network: peers of a Unix socket, which have no address.
UNIX = "unix"
FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


class TrustedProxies:
    """WSGI wrapper that puts client, scheme and host as a trusted proxy saw them in place.

    X-Forwarded-For is walked from the right, where the nearest proxy wrote: an address counts as
    long as the one that reported it is trusted. What a client wrote itself stands further left
    and is never reached. Proto and host are the last ones, of the nearest proxy. The headers are
    removed, so that nothing behind this wrapper can believe them.
    """

    def __init__(self, app: "WSGIApplication", trusted: Sequence[Network], unix: bool) -> None:
        """trusted: networks of the proxies; unix: trust peers of a Unix socket too."""
        self._app, self._trusted, self._unix = app, tuple(trusted), unix

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        forwarded = {name: environ.pop(name, "") for name in FORWARDED}
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if self._unix if peer is None else self._trusts(peer):
            client = self._client(peer, forwarded["HTTP_X_FORWARDED_FOR"])
            environ["REMOTE_ADDR"] = str(client) if client else ""
            scheme = _last(forwarded["HTTP_X_FORWARDED_PROTO"]).lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            host = _last(forwarded["HTTP_X_FORWARDED_HOST"])
            if HOST.fullmatch(host):
                environ["HTTP_HOST"] = host
        return self._app(environ, start_response)

    def _client(self, peer: Address | None, forwarded_for: str) -> Address | None:
        client = peer
        for text in reversed(forwarded_for.split(",")):
            if client is not None and not self._trusts(client):
                break
            reported = _address(text)
            if reported is None:
                break
            client = reported
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def register(app: Flask, trusted_proxies: Sequence[str]) -> None:
    """Wrap `app`; without `trusted_proxies` every forwarding header is ignored.

    trusted_proxies: addresses or networks, `unix` for a Unix socket. Raises ConfigurationError.
    """
    networks = [parse_network(text) for text in trusted_proxies if text != UNIX]
    # The documented way to add a WSGI wrapper to Flask.
    app.wsgi_app = TrustedProxies(app.wsgi_app, networks, UNIX in trusted_proxies)  # type: ignore[method-assign]


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _address(text: str) -> Address | None:
    """An address, with or without port, or None."""
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        return without_mapping(ip_address(text))
    except ValueError:
        return None

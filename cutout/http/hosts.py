"""Which host names this service is reached by: others are refused, where the operator names any.

A page of another host that resolves to this address (DNS rebinding) would otherwise be let in by
the browser as if it were of the same origin.
"""

from collections.abc import Collection

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from cutout.errors import UnknownHost


def register(app: Flask, hosts: Collection[str], open_paths: Collection[str]) -> None:
    """Refuse requests whose Host is not one of `hosts`; without any, none is refused.

    hosts: names, or `.example.com` for a domain and all below it; any port. open_paths: exact
    paths that any host reaches, for orchestrators that ask by address. Raises UnknownHost.
    """

    @app.before_request
    def check_host() -> None:
        if not hosts or request.path in open_paths:
            return
        if not host_is_trusted(request.host.lower(), list(hosts)):
            raise UnknownHost(f"{request.host[:100]!r} is not a host of this service.")

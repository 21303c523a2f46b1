"""Who asks, and taking the body of a refused request off the line."""

from contextlib import suppress
from ipaddress import ip_address

from flask import g, request
from werkzeug.exceptions import RequestEntityTooLarge

from cutout.http.addresses import without_mapping
from cutout.http.connection import end_connection

CHUNK_BYTES = 1_000_000
MAX_DISCARDED_BYTES = 25_000_000


def client_name() -> str:
    """`key:NAME` of the API key in use, else `address:…` of the client.

    IPv6 addresses count by their /64: a household or a rented machine owns one whole, and could
    otherwise come from a new address each time. Never the key itself: this goes into logs.
    """
    if name := g.get("key_name"):
        return f"key:{name}"
    text = request.remote_addr or ""
    try:
        address = without_mapping(ip_address(text))
    except ValueError:
        # A Unix socket has no address.
        return "address:local"
    if address.version == 6:
        prefix = int(address) >> 64 << 64
        return f"address:{type(address)(prefix)}/64"
    return f"address:{address}"


def discard_body() -> None:
    """Read the body and drop it, before a refusal is answered; end the connection after a long one.

    Clients that are still sending do not listen yet: closing on them would reset the connection
    before they read the answer. More than one image's file is not waited for.
    """
    left = MAX_DISCARDED_BYTES
    with suppress(RequestEntityTooLarge):
        while data := request.stream.read(CHUNK_BYTES):
            left -= len(data)
            if left <= 0:
                break
        else:
            return
    end_connection()

"""Download an image from a URL that a stranger gave, without reaching what is not public.

The name is resolved once, every address is checked, and the connection goes to a checked address:
a name server that answers differently the next time (DNS rebinding) is not asked again. Redirects
begin anew with all checks. No proxy of the environment, no cookies, no credentials, no compression.
"""

import http.client
import logging
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from cutout.errors import DownloadFailed, DownloadForbidden, TooManyBytes
from cutout.http import multipart
from cutout.http.addresses import Address
from cutout.http.allow_list import AllowList, normal_host
from cutout.http.deadline_socket import DeadlineSocket, remaining_s

log = logging.getLogger(__name__)

Resolver = Callable[..., list[tuple[Any, ...]]]
MAX_URL = 2048
CHUNK_BYTES = 65_536
PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset((301, 302, 303, 307, 308))
# Control characters, spaces and backslashes: parsers disagree about what they mean.
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)({LABEL}\.)*{LABEL}")
# Last labels that C libraries read as part of an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1.
NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
HEADERS = {"Accept": "image/*", "Connection": "close", "User-Agent": "cutout"}
# A name server may take longer than any deadline; so many lookups may hang at once.
LOOKUPS = threading.BoundedSemaphore(16)


@dataclass(frozen=True)
class Target:
    """Where a URL leads: checked, but not resolved. `host` is normal, `target` goes on the wire."""

    scheme: str
    host: str
    port: int
    target: str


def fetch(
    url: str,
    *,
    allow: AllowList,
    max_bytes: int,
    timeout_s: float,
    max_redirects: int = 3,
    resolver: Resolver = socket.getaddrinfo,
    ca_file: Path | None = None,
    hold: Callable[[int], None] = lambda count: None,
) -> bytes:
    """Bytes behind an http or https URL; their type is for the caller to judge.

    timeout_s: for everything together, redirects too. ca_file: certificates of authorities instead
    of the system's. hold: called with the number of bytes when they have arrived on disk, before
    they are brought into memory. Errors: DownloadForbidden, DownloadFailed, TooManyBytes.
    """
    deadline = time.monotonic() + timeout_s
    for _ in range(max_redirects + 1):
        target = parse_url(url)
        try:
            addresses = _resolve(target, allow, resolver, deadline)
            with multipart.temporary_file() as file:
                with _connect(target, addresses, deadline, ca_file) as sock:
                    answer = _get(target, DeadlineSocket(sock, deadline), max_bytes, file)
                if answer is None:
                    hold(file.tell())
                    file.seek(0)
                    return file.read()
        except TimeoutError:
            raise DownloadFailed("The image did not arrive in time.") from None
        except ssl.SSLCertVerificationError:
            raise DownloadFailed("The certificate of the image's server is not valid.") from None
        except (OSError, http.client.HTTPException) as error:
            log.info("download from %r failed: %r", target.host, error)
            raise DownloadFailed("The connection to the image's server failed.") from None
        url = _join(url, answer.location)
    raise DownloadFailed(f"The URL redirects more than {max_redirects} times.")


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise DownloadFailed("The URL redirects to something that is no URL.") from None


def parse_url(url: str) -> Target:
    """Check what can be told from the text alone. Raises DownloadForbidden."""
    if len(url) > MAX_URL or UNSAFE.search(url):
        raise DownloadForbidden(
            f"A URL may have {MAX_URL} characters, without spaces, control characters, backslashes."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = normal_host(parts.hostname or "")
        target = _request_target(parts)
    except ValueError:
        raise DownloadForbidden("This is not a URL with a host and a port.") from None
    if parts.scheme not in PORTS:
        raise DownloadForbidden("Only http and https URLs are downloaded.")
    if "@" in parts.netloc:
        raise DownloadForbidden("A URL with a user name or password is not downloaded.")
    # Brackets are for IPv6 addresses; what else stands in them is a name to some parsers.
    bracketed = "[" in parts.netloc and ":" not in host
    if port == 0 or bracketed or not _is_host(host):
        raise DownloadForbidden("The URL names no host by its name or ordinary address.")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], target)


def _is_host(host: str) -> bool:
    """A name, or an address in its usual form; other notations of IPv4 are not accepted."""
    if _literal(host):
        return True
    return bool(HOST_NAME.fullmatch(host)) and not NUMERIC.fullmatch(host.rpartition(".")[2])


def _literal(host: str) -> Address | None:
    try:
        # A zone (fe80::1%eth0) would name one of our own interfaces.
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def _request_target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="%/:=&~+!$,;'@()*")
    query = quote(parts.query, safe="%/:=&~+!$,;'@()*?[]")
    return f"{path}?{query}" if query else path


def _resolve(
    target: Target, allow: AllowList, resolver: Resolver, deadline: float
) -> list[Address]:
    """Addresses of the host, all of them permitted. Raises DownloadForbidden.

    One forbidden address among them refuses the name. An unknown name gets the same answer, so
    that nobody can try out which names exist in our network.
    """
    literal = _literal(target.host)
    addresses = [literal] if literal else _look_up(target, resolver, deadline)
    refused = [it for it in addresses if not allow.permits(target.host, target.port, it)]
    if refused or not addresses:
        log.info("download from %r refused: %s", target.host, refused or "unknown name")
        raise DownloadForbidden("The URL's host is unknown, or may not be downloaded from.")
    return addresses


def _look_up(target: Target, resolver: Resolver, deadline: float) -> list[Address]:
    """Ask the name server, in a thread: getaddrinfo knows no time limit. Raises TimeoutError."""
    answers: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = resolver(target.host, target.port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(ip_address(item[4][0]) for item in found)))
        except (OSError, ValueError):
            # Unknown, or longer than a name may be.
            answers.put([])
        finally:
            LOOKUPS.release()

    if not LOOKUPS.acquire(timeout=remaining_s(deadline)):
        raise TimeoutError("too many names are being looked up")
    threading.Thread(target=ask, name="lookup", daemon=True).start()
    try:
        return answers.get(timeout=remaining_s(deadline))
    except queue.Empty:
        raise TimeoutError("the name server did not answer") from None


@dataclass(frozen=True)
class _Redirect:
    location: str


def _get(target: Target, sock: DeadlineSocket, max_bytes: int, file: IO[bytes]) -> _Redirect | None:
    """One request over a connection: None with its body in `file`, or where to go on."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.default_port = PORTS[target.scheme]
    connection.sock = cast(socket.socket, sock)
    connection.request("GET", target.target, headers=HEADERS)
    with connection.getresponse() as response:
        if response.status in REDIRECTS and (location := response.headers["Location"]):
            return _Redirect(location)
        if response.status != 200:
            raise DownloadFailed(f"The image's server answered HTTP status {response.status}.")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DownloadFailed("The image's server sent it compressed, unasked.")
        _read(response, max_bytes, file)
        return None


def _connect(
    target: Target, addresses: list[Address], deadline: float, ca_file: Path | None
) -> socket.socket:
    """Connect to the first address that answers; the name is used for TLS only."""
    failure: OSError = OSError("no address")
    for index, address in enumerate(addresses):
        share_s = remaining_s(deadline) / (len(addresses) - index)
        try:
            sock = socket.create_connection((str(address), target.port), timeout=share_s)
        except OSError as error:
            failure = error
            continue
        if target.scheme == "http":
            return sock
        try:
            sock.settimeout(remaining_s(deadline))
            return _tls(ca_file).wrap_socket(sock, server_hostname=target.host)
        except OSError:
            sock.close()
            raise
    raise failure


@lru_cache(maxsize=4)
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _read(response: http.client.HTTPResponse, max_bytes: int, file: IO[bytes]) -> None:
    """Write the whole body. Raises TooManyBytes, DownloadFailed when it is cut short."""
    announced = response.length or 0
    while announced <= max_bytes and file.tell() <= max_bytes:
        chunk = response.read1(CHUNK_BYTES)
        if not chunk:
            if response.length:
                raise DownloadFailed("The image's server stopped in the middle of it.")
            return
        multipart.write(file, chunk)
    raise TooManyBytes(f"An image may have {max_bytes:,} bytes.", limit=max_bytes)

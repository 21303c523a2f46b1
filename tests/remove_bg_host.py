"""Runs clients of remove.bg unchanged: for them, api.remove.bg is a server of this test.

Two parts. A TLS front listens on a loopback address, port 443, with a certificate made for the
name, and passes bytes on to the server. A client runs in a mount namespace of its own, in which
/etc/hosts names that address; the machine's own file stays as it is.
"""

import asyncio
import errno
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAME = "api.remove.bg"
# Loopback addresses to choose from: other tests may run at the same time.
ADDRESSES = [f"127.0.77.{last}" for last in range(1, 255)]
# How each language is told which certificate to trust.
TRUST = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
ENTER = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


@dataclass(frozen=True)
class Host:
    """hosts: the file that replaces /etc/hosts. certificate: what clients must trust."""

    hosts: Path
    certificate: Path

    def run(self, command: list[str], **variables: str) -> str:
        """Standard output of a client that takes us for remove.bg."""
        trust = dict.fromkeys(TRUST, str(self.certificate))
        proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
        environment = {k: v for k, v in os.environ.items() if k not in proxies}
        done = subprocess.run(
            [*ENTER_NAMESPACE, "sh", "-ec", ENTER, "enter", str(self.hosts), *command],
            env={**environment, **trust, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


ENTER_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


@contextmanager
def remove_bg_host(server: str, folder: Path) -> Iterator[Host]:
    """api.remove.bg stands for `server` inside the block; skips where that cannot be done."""
    _check_namespaces()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _make_certificate(certificate, key)
    hosts = folder / "hosts"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _front(context, server) as address:
        hosts.write_text(f"127.0.0.1 localhost\n{address} {NAME}\n")
        yield Host(hosts, certificate)


def _check_namespaces() -> None:
    if not shutil.which("unshare") or not shutil.which("openssl"):
        pytest.skip("unshare or openssl is not installed")
    tried = subprocess.run([*ENTER_NAMESPACE, "mount", "--bind", "/etc/hosts", "/etc/hosts"])
    if tried.returncode:
        pytest.skip("this machine allows no mount namespaces")


def _make_certificate(certificate: Path, key: Path) -> None:
    """A certificate that signs itself; clients are told to trust it. Valid for two days."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key)),
            *("-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def _front(context: ssl.SSLContext, server: str) -> Iterator[str]:
    """Take TLS off connections to an address, port 443, and pass them on to `server`."""
    target = urlsplit(server)
    listening = _listen()
    loop = asyncio.new_event_loop()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    front = loop.run_until_complete(asyncio.start_server(relay, sock=listening, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.getsockname()[0]
    finally:
        loop.call_soon_threadsafe(front.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _listen() -> socket.socket:
    """A socket on port 443 of the first loopback address that nobody uses."""
    for address in ADDRESSES:
        try:
            return socket.create_server((address, 443))
        except PermissionError:
            pytest.skip("port 443 is for root only here")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("all addresses are in use")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()

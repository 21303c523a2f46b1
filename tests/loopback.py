"""Small servers on loopback for the tests: raw answers, WSGI, names; and a certificate."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from werkzeug.serving import make_server

Handler = Callable[[socket.socket], None]


class RawServer:
    """Calls `handler` with each connection; `requests` holds the heads that arrived."""

    def __init__(self, host: str, handler: Handler, port: int = 0, tls=None) -> None:
        self.listener = socket.create_server((host, port))
        self.host, self.port = self.listener.getsockname()[:2]
        self.handler, self.tls = handler, tls
        self.requests: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self.stopping.is_set():
                link, _ = self.listener.accept()
                self.threads.append(threading.Thread(target=self._answer, args=(link,)))
                self.threads[-1].start()

    def _answer(self, link: socket.socket) -> None:
        # A client that gave up is no fault of the server's.
        with suppress(OSError), link:
            if self.tls:
                link = self.tls.wrap_socket(link, server_side=True)
            with link:
                head = b""
                while b"\r\n\r\n" not in head and (piece := link.recv(65_536)):
                    head += piece
                self.requests.append(head.decode())
                self.handler(link)

    def close(self) -> None:
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)


@contextmanager
def raw_server(handler: Handler, host: str = "127.0.0.1", **options) -> Iterator[RawServer]:
    server = RawServer(host, handler, **options)
    try:
        yield server
    finally:
        server.close()


def sends(body: bytes = b"", status: str = "200 OK", **headers: str) -> Handler:
    """Answer every request with these; Content-Length is added unless it is given as empty."""
    lines = {"Content-Length": str(len(body)), **{k.replace("_", "-"): headers[k] for k in headers}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return lambda link: link.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


class Names:
    """A name server: gives each list of addresses once, the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, host, port, **_):
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in answer]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (address, port))
            for kind, address in zip(kinds, answer, strict=True)
        ]


@contextmanager
def wsgi_server(app) -> Iterator[tuple[str, int]]:
    """Serve a WSGI application on a free port of 127.0.0.1."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield "127.0.0.1", server.port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for images.test and the server context that uses it."""
    if not shutil.which("openssl"):
        pytest.skip("makes its certificate with the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:images.test"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subject = ["-subj", "/CN=images.test", "-addext", names]
    subprocess.run([*command.split(), *files, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context

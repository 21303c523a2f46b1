"""Methods on all routes, bombs in every role, floods, and clients that vanish."""

import http.client
import io
import json
import os
import socket
import struct
import threading
import time
import zlib
from contextlib import closing, suppress
from functools import cache

import pytest
import requests
from held_server import FORM, answer, form, head, held_server, status, until
from slow_clients import health_seconds

ROUTES = {
    "/": {"GET"},
    "/remove-bg": {"POST"},
    "/evaluate": {"POST"},
    "/health": {"GET"},
    "/livez": {"GET"},
    "/readyz": {"GET"},
    "/metrics": {"GET"},
    "/openapi.json": {"GET"},
    "/docs": {"GET"},
    "/results/" + "0" * 32: {"GET", "DELETE"},
    "/v1.0/account": {"GET"},
    "/v1.0/removebg": {"POST"},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW")
QUEUE = 8
# Of the client that others would starve.
IMAGES = 3
# Where nobody waits it takes milliseconds; machines that run tests may have other work.
MAX_HEALTH_S = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("routes"), queue=QUEUE, body_timeout_s=3) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_stays_behind(server, disc_png):
    """After each test nobody is inside, nothing of memory is booked, and an image is served."""
    yield
    server.until(lambda load: not load["inside"])
    assert status(server.send(disc_png)) == 200


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_route_has_not_is_a_405_with_allow(server, path, method):
    with closing(http.client.HTTPConnection(*server.place, timeout=10)) as link:
        link.request(method, path)
        response = link.getresponse()
        body = response.read()
    allowed = ROUTES[path] | ({"HEAD"} if "GET" in ROUTES[path] else set()) | {"OPTIONS"}
    assert response.status < 500
    assert (response.status == 405) == (method not in allowed), response.status
    if response.status == 405:
        assert ROUTES[path] <= set(response.headers["Allow"].replace(" ", "").split(","))
        assert method == "HEAD" or json.loads(body)
    if method == "HEAD":
        assert body == b""
    for name in ("X-Content-Type-Options", "Content-Security-Policy", "X-Request-Id"):
        assert response.headers[name]


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """A grey PNG that says so of its size; `rows` is its compressed data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    top = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", top) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    squeeze = zlib.compressobj(9)
    parts = [squeeze.compress(bytes(1_000_000)) for _ in range(count // 1_000_000)]
    return b"".join([*parts, squeeze.flush()])


@cache
def bombs() -> dict[str, bytes]:
    return {
        "ten gigapixels in a header": png_of(100_000, 100_000),
        "largest size of PNG": png_of(2**31 - 1, 2**31 - 1, zeros(1_000_000)),
        "more data than pixels": png_of(10, 10, zeros(300_000_000)),
        "49 megapixels without data": png_of(7000, 7000),
        "text bomb": b"\x89PNG\r\n\x1a\n"
        + png_of(10, 10, zlib.compress(bytes(110)))[8:33]
        + (lambda data: struct.pack(">I", len(data)) + b"zTXt" + data + bytes(4))(
            b"a\0\0" + zeros(200_000_000)
        ),
        "profile bomb": b"\x89PNG\r\n\x1a\n"
        + png_of(10, 10)[8:33]
        + (lambda data: struct.pack(">I", len(data)) + b"iCCP" + data + bytes(4))(
            b"a\0\0" + zeros(200_000_000)
        ),
    }


@pytest.fixture(scope="module", params=list(bombs()))
def bomb(request):
    return bombs()[request.param]


@pytest.mark.parametrize("role", ["image", "trimap", "background_image", "keep", "erase", "mask"])
def test_a_bomb_in_any_role_is_answered_soon_and_without_unpacking(
    server, disc_png, disc_mask, bomb, role
):
    path = "/evaluate" if role == "mask" else "/remove-bg"
    files = {"image": disc_png, role: bomb}
    options = {"matting": "closed-form"} if role == "trimap" else {}
    parts = {name: (f"{name}.png", io.BytesIO(data)) for name, data in files.items()}
    start = time.monotonic()
    got = requests.post(server.running.address + path, files=parts, data=options, timeout=30)
    assert time.monotonic() - start < 5
    # Data behind the last pixel is no harm: it is never unpacked.
    assert got.status_code < 500, got.text
    assert got.status_code >= 400 or bomb is bombs()["more data than pixels"]


def reset(link: socket.socket) -> None:
    """End a connection without saying so first."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


@pytest.mark.parametrize("sent", [0.0, 0.3, 0.99, 1.0])
@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_clients_that_vanish_leave_nothing_behind(server, disc_png, sent, end):
    body = form(disc_png)
    whole = head(f"Content-Length: {len(body)}") + body
    links = [server.raw(whole[: int(sent * len(whole))]) for _ in range(40)]
    for link in links:
        end(link)
    assert max(health_seconds(server.place, 10)) < MAX_HEALTH_S


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_connections_do_not_add_up(server):
    """Three hundred that are opened and closed, in several ways."""
    health_seconds(server.place, 5)
    before = descriptors(server.worker)
    for number in range(300):
        link = server.raw([b"", b"GET /livez HTTP/1.1\r\n", b"\r\n\r\n"][number % 3])
        (reset if number % 2 else socket.socket.close)(link)
    until(lambda: descriptors(server.worker) <= before + 5, lambda: descriptors(server.worker))


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/remove-bg"])
def test_a_flood_of_short_requests_is_answered_and_health_too(server, path):
    """Sixteen clients, each as fast as it can over one connection, for a second."""
    end, statuses = time.monotonic() + 1, []

    def client():
        with closing(http.client.HTTPConnection(*server.place, timeout=30)) as link:
            while time.monotonic() < end:
                if path == "/remove-bg":
                    link.request("POST", path, b"", {"Content-Type": FORM})
                else:
                    link.request("GET", path)
                response = link.getresponse()
                response.read()
                statuses.append(response.status)

    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    slowest = max(health_seconds(server.place, 20))
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 400, 404}
    assert slowest < MAX_HEALTH_S


def test_a_flood_of_connections_does_not_shut_out_health(server):
    """Twelve hundred at once; the oldest that said nothing make room where room is needed."""
    links = []
    with suppress(OSError):
        for _ in range(1200):
            links.append(socket.create_connection(server.place, timeout=5))
    assert max(health_seconds(server.place, 20)) < MAX_HEALTH_S
    for link in links:
        link.close()


def test_one_client_with_many_requests_does_not_starve_another(server, disc_png):
    """A greedy client keeps four times as many connections busy as there are places.

    Each place that becomes free is taken at once: who comes back after the time that it was told
    would find one by chance alone.
    """
    (server.folder / "fault").write_text("slow")
    stop = threading.Event()

    def greedy():
        body = form(disc_png)
        while not stop.is_set():
            link = server.raw(head(f"Content-Length: {len(body)}") + body)
            if status(link) == 503:
                time.sleep(0.02)

    threads = [threading.Thread(target=greedy) for _ in range(4 * QUEUE)]
    for thread in threads:
        thread.start()
    try:
        served = [polite(server, disc_png) for _ in range(IMAGES)]
    finally:
        (server.folder / "fault").unlink()
        stop.set()
        for thread in threads:
            thread.join()
    assert served == [200] * IMAGES


def polite(server, data: bytes) -> int:
    """Status of one image from another address, sent again once if it is told to."""
    body = form(data)
    for _ in range(2):
        link = socket.create_connection(server.place, 30, source_address=("127.0.0.2", 0))
        link.sendall(head(f"Content-Length: {len(body)}") + body)
        code, whole = answer(link)
        if code != 503:
            return code
        seconds = int(whole.partition(b"Retry-After: ")[2].partition(b"\r\n")[0])
        time.sleep(min(seconds, 2))
    return 503

"""The real gunicorn under hard conditions: odd bodies, a full queue, lost clients."""

import os
import re
import time
from pathlib import Path

import pytest
from held_server import answer, form, head, held_server, post, status

QUEUE, MAX_BYTES, BODY_TIMEOUT_S = 4, 50_000, 1
SETTINGS = {"queue": QUEUE, "max_bytes": MAX_BYTES, "body_timeout_s": BODY_TIMEOUT_S}
# gunicorn.conf.py: every admitted image and every transfer holds a thread.
BODY_THREADS = QUEUE + 192


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("server"), **SETTINGS, cache_bytes=0) as server:
        yield server


@pytest.fixture(autouse=True)
def empty(request):
    """Each test begins and ends with nobody inside."""
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").until(lambda load: not load["inside"])


def chunked(data: bytes, size: int) -> bytes:
    """A body in chunks of `size` bytes. RFC 9112, section 7.1."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_body_in_chunks_of_one_byte_is_a_body(server, disc_png):
    link = server.raw(head("Transfer-Encoding: chunked") + chunked(form(disc_png), 1))
    assert status(link) == 200


def test_a_chunked_body_over_the_limit_is_refused(server):
    body = chunked(form(b"\xff\xd8" + bytes(2 * MAX_BYTES)), 4096)
    code, whole = answer(server.raw(head("Transfer-Encoding: chunked") + body))
    assert (code, b"too_many_bytes" in whole) == (413, True)


def test_a_full_queue_refuses_exactly_the_rest_and_health_still_answers(server, disc_png):
    refused = metric(server, "cutout_refused_total")
    with server.held():
        inside = [server.send(disc_png) for _ in range(QUEUE)]
        server.until(lambda load: load["inside"] == QUEUE)
        rest = [answer(server.send(disc_png)) for _ in range(7)]
        slowest = max(timed(server.load) for _ in range(20))
    assert [code for code, _ in rest] == [503] * 7
    assert all(b"Retry-After: " in whole for _, whole in rest)
    assert [status(link) for link in inside] == [200] * QUEUE
    assert metric(server, "cutout_refused_total") - refused == 7
    assert slowest < 1


def test_a_refused_clients_connection_serves_its_next_request(server, disc_png):
    """Its body was read and thrown away, or the rest would be taken for the next request."""
    link = server.kept()
    with server.held():
        inside = [server.send(disc_png) for _ in range(QUEUE)]
        server.until(lambda load: load["inside"] == QUEUE)
        refused = post(link, form(os.urandom(MAX_BYTES - 1000)))
    assert [status(one) for one in inside] == [200] * QUEUE
    assert (refused, post(link, form(disc_png))) == (503, 200)
    link.close()


def test_a_client_that_left_is_dropped_before_the_model(server, disc_png):
    before = server.seen
    with server.held():
        first = server.send(disc_png)
        server.until(lambda load: server.seen == before + 1)
        server.send(disc_png).close()
        last = server.send(disc_png)
        server.until(lambda load: load["waiting_for_model"] == 2)
    assert [status(first), status(last)] == [200, 200]
    assert server.seen == before + 2


def test_clients_that_do_not_hang_up_hold_nobody_else(server):
    """Each was answered and told that the connection ends; the server waits for its end of it."""
    request = b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    links = [server.raw(request) for _ in range(8)]
    answered = [link.recv(12) for link in links]
    slowest = max(timed(server.load) for _ in range(20))
    assert answered == [b"HTTP/1.1 200"] * 8
    assert slowest < 0.5
    for link in links:
        link.close()


def test_slow_bodies_end_with_an_error_and_do_not_block_health(server, disc_png):
    body = form(disc_png)
    half = head(f"Content-Length: {len(body)}") + body[: len(body) // 2]
    slow = [server.raw(half) for _ in range(BODY_THREADS + 20)]
    assert timed(server.load) < 1
    assert {status(link) for link in slow} == {408}


def test_errors_leave_no_memory_behind(server):
    """Broken images, wrong types, missing fields: 100 to warm up, then 400 more."""
    bodies = [form(b"\x89PNG\r\n\x1a\n" + bytes(20_000)), form(b"GIF89a" * 2000), form(b""), b""]
    pid = server.worker
    for turn in range(500):
        if turn == 100:
            before = resident_mb(pid)
        body = bodies[turn % len(bodies)]
        code = status(server.raw(head(f"Content-Length: {len(body)}") + body))
        assert 400 <= code < 500
    assert resident_mb(pid) - before < 10


def metric(server, name: str) -> float:
    return float(re.search(rf"(?m)^{name} (\S+)", server.get("/metrics").decode())[1])


def timed(action) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def resident_mb(pid: int) -> float:
    kilobytes = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]
    return int(kilobytes) / 1024

"""Requests that are not HTTP, or not quite: chunk games, smuggling shapes, odd heads."""

import json
import time
from contextlib import suppress

import numpy as np
import pytest
from conftest import image_bytes
from held_server import FORM, answer, form, held_server, post, status
from slow_clients import health_seconds

MAX_HEALTH_S = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("shapes"), body_timeout_s=2) as server:
        yield server


@pytest.fixture(autouse=True)
def serves_afterwards(server, disc_png):
    yield
    assert status(server.send(disc_png)) == 200


def request(*lines: str, path: str = "/remove-bg", body: bytes = b"") -> bytes:
    top = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Type: {FORM}", *lines, "", ""]
    return "\r\n".join(top).encode("latin-1") + body


def chunks(body: bytes, path: str = "/remove-bg") -> bytes:
    return request("Transfer-Encoding: chunked", path=path, body=body)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


BAD_CHUNKS = {
    "long extension": chunk(b"a", b";" + b"x" * 200_000),
    "endless size line": b"1" * 100_000,
    "size that is no number": b"xyz\r\n",
    "negative size": b"-5\r\nhello\r\n",
    "size with a sign": b"+5\r\nhello\r\n",
    "size with 0x": b"0x5\r\nhello\r\n",
    "size with 200,000 digits": b"0" * 100_000 + b"f" * 100_000 + b"\r\n",
    "no line end after a chunk": b"5\r\nhelloworld\r\n",
    "bare LF after the size": b"5\nhello\r\n",
    "forbidden trailer": chunk(b"hello") + b"0\r\nContent-Length: 5\r\n\r\n",
    "trailer without a colon": chunk(b"hello") + b"0\r\nnonsense\r\n\r\n",
    "endless trailer": chunk(b"hello") + b"0\r\n" + b"X-A: b\r\n" * 200_000,
    "extension with a bare CR": chunk(b"hello", b";a\rb"),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
@pytest.mark.parametrize("path", ["/remove-bg", "/evaluate"])
def test_a_malformed_chunked_body_is_a_400_of_ours(server, name, path):
    code, whole = answer(server.raw(chunks(BAD_CHUNKS[name], path)))
    top, _, body = whole.partition(b"\r\n\r\n")
    assert (code, json.loads(body)["code"]) == (400, "malformed_request")
    assert b"application/problem+json" in top
    assert b"Connection: close" in top


def test_a_malformed_body_is_answered_in_the_shape_of_remove_bg_on_its_path(server):
    code, whole = answer(server.raw(chunks(b"xyz\r\n", "/v1.0/removebg")))
    assert code == 400
    assert json.loads(whole.partition(b"\r\n\r\n")[2])["errors"]


def test_needlessly_many_chunks_are_refused_soon_and_delay_nobody(server):
    """Three million of one byte held a thread for 115 s."""
    piece = chunk(b"a") * 10_000
    start, sent, code = time.monotonic(), 0, 400
    with server.raw(chunks(b"")) as link:
        with suppress(OSError):
            for _ in range(300):
                link.sendall(piece)
                sent += 1
        slowest = max(health_seconds(server.place, 10))
        if sent == 300:
            code, _ = answer(link)
    assert code == 400
    assert slowest < MAX_HEALTH_S
    assert time.monotonic() - start < 30


def test_seventy_thousand_chunks_of_one_byte_are_a_body(server, disc):
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    body = form(image_bytes(noise))
    assert 60_000 < len(body) < 70_000
    whole = b"".join(chunk(body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n"
    link = server.raw(chunks(whole).replace(b"Host: test", b"Host: test\r\nConnection: close"))
    assert status(link) == 200


# A second request hides in what one reader takes for the body of the first.
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
SMUGGLING = {
    "length and chunked": request(
        "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN
    ),
    "two lengths": request("Content-Length: 5", "Content-Length: 6", body=b"hello" + HIDDEN),
    "length twice in one": request("Content-Length: 5, 6", body=b"hello" + HIDDEN),
    "length with a sign": request("Content-Length: +5", body=b"hello" + HIDDEN),
    "negative length": request("Content-Length: -5", body=HIDDEN),
    "length in other digits": request("Content-Length: \xb2", body=HIDDEN),
    "chunked twice": request("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunked not last": request("Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n" + HIDDEN),
    "space before the colon": request("Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN),
    "folded line": request("X-A: b", " c: d", "Content-Length: 0", body=HIDDEN),
    "bare CR in a value": request("X-A: b\rTransfer-Encoding: chunked", body=HIDDEN),
    "bare LF": request("X-A: b\nTransfer-Encoding: chunked", body=HIDDEN),
    "null byte": request("X-A: b\x00", "Content-Length: 0", body=HIDDEN),
    "two hosts": request("Host: other", "Content-Length: 0", body=HIDDEN),
    "chunked in HTTP/1.0": request(
        "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN
    ).replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_an_ambiguous_request_is_refused_and_nothing_behind_it_is_read(server, name):
    code, whole = answer(server.raw(SMUGGLING[name]))
    assert code == 400
    assert whole.count(b"HTTP/1.1 ") == 1
    assert b"alive" not in whole
    assert json.loads(whole.partition(b"\r\n\r\n")[2])["code"] == "malformed_request"


ODD_HEADS = {
    "no HTTP": (b"no HTTP at all\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", 400),
    "lower case method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "other version": (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400),
    "null in the path": (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "long line": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "endless line": (b"GET /" + b"a" * 200_000, 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 2000 + b"\r\n", 431),
    "endless headers": (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50_000, 431),
    "large header": (b"GET / HTTP/1.1\r\nX-A: " + b"b" * 20_000 + b"\r\n\r\n", 431),
    "other expectation": (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417),
    "other coding": (request("Transfer-Encoding: br"), 501),
}


@pytest.mark.parametrize("name", ODD_HEADS)
def test_an_odd_head_is_an_error_in_our_shape(server, name):
    data, expected = ODD_HEADS[name]
    code, whole = answer(server.raw(data))
    assert code == expected
    top, _, body = whole.partition(b"\r\n\r\n")
    assert json.loads(body)["status"] == expected
    assert b"X-Request-Id: " in top
    assert b"Content-Security-Policy: " in top


def test_requests_sent_in_one_piece_are_answered_in_order(server):
    first = b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    _, whole = answer(server.raw(first + first + last))
    assert [int(part[:3]) for part in whole.split(b"HTTP/1.1 ")[1:]] == [200, 200, 404]


def test_a_head_in_single_bytes_is_a_request(server):
    with server.raw(b"") as link:
        for byte in HIDDEN:
            link.sendall(bytes([byte]))
        assert link.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_body_larger_than_allowed_is_refused_before_it_is_sent(server):
    code, whole = answer(server.raw(request("Content-Length: 99999999999")))
    assert (code, b"too_many_bytes" in whole) == (413, True)


@pytest.mark.parametrize("path", ["/remove-bg", "/evaluate", "/v1.0/removebg"])
@pytest.mark.parametrize("body", [b"", b"--held", b"--held\r\n\r\n", b"--held\r\n" * 5000])
def test_a_broken_form_is_a_400(server, path, body):
    head = request(f"Content-Length: {len(body)}", "Connection: close", path=path)
    assert status(server.raw(head + body)) == 400


def test_a_form_over_a_kept_connection_is_answered_after_others(server, disc_png):
    link = server.kept()
    assert [post(link, form(disc_png)) for _ in range(3)] == [200] * 3
    link.close()

"""Errors of a busy or impatient server keep the shape that clients of remove.bg read."""

import json

import pytest
from conftest import image_bytes
from held_server import answer, held_server
from removebg_kit import URL, scene
from urllib3 import encode_multipart_formdata


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("held"), queue=1, body_timeout_s=1) as server:
        yield server


def request_bytes(cut: int = 0) -> bytes:
    """A whole request, or one whose body ends `cut` bytes too early."""
    parts = [("image_file", ("photo.png", image_bytes(scene())))]
    body, kind = encode_multipart_formdata(parts)
    lines = [
        f"POST {URL} HTTP/1.1",
        "Host: test",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body[: len(body) - cut]


def first_error(raw: bytes) -> dict:
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    return json.loads(body)["errors"][0]


def test_a_body_that_stops_arriving(server):
    status, raw = answer(server.raw(request_bytes(cut=10)))
    assert status == 408
    assert first_error(raw)["code"] == "body_timeout"


def test_a_full_queue_says_when_to_try_again(server):
    with server.held():
        waiting = server.raw(request_bytes())
        server.until(lambda load: load["inside"] == 1)
        status, raw = answer(server.raw(request_bytes()))
    assert status == 503
    assert first_error(raw)["code"] == "overloaded"
    assert b"\r\nretry-after: " in raw.lower()
    assert answer(waiting)[0] == 200

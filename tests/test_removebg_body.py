"""Bodies in the three types that clients send, as they really send them."""

import io
import json

import pytest
from urllib3 import encode_multipart_formdata

from cutout.removebg import body as bodies
from cutout.removebg.errors import DialectError

PIXELS = bytes(range(256))
FORM = "application/x-www-form-urlencoded"


def read(content_type, data):
    return bodies.read(content_type, io.BytesIO(data))


def multipart(*parts):
    body, content_type = encode_multipart_formdata(list(parts))
    return read(content_type, body)


def raw_part(disposition: str, content: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize("name", ["photo.jpg", "blob", "image_file", "a.txt", ""])
@pytest.mark.parametrize("kind", ["image/jpeg", "text/plain", "application/octet-stream"])
def test_a_file_whatever_its_name_and_type(name, kind):
    assert multipart(("image_file", (name, PIXELS, kind))).files == {"image_file": PIXELS}


def test_a_file_without_a_file_name_keeps_its_bytes():
    whole = raw_part('form-data; name="image_file"', PIXELS) + b"--b--\r\n"
    body = read("multipart/form-data; boundary=b", whole)
    assert body.files == {"image_file": PIXELS}


def test_text_fields_and_an_address_sent_as_a_file():
    body = multipart(("size", "auto"), ("image_url", ("a.txt", b"https://example.com/a")))
    assert body.fields == {"size": "auto", "image_url": "https://example.com/a"}
    assert not body.files


def test_an_empty_file_field_of_a_browser_is_not_given_and_an_empty_file_is():
    whole = raw_part('form-data; name="image_file"; filename=""', b"")
    whole += raw_part('form-data; name="bg_image_file"; filename="a.png"', b"") + b"--b--\r\n"
    assert read("multipart/form-data; boundary=b", whole).files == {"bg_image_file": b""}


def test_a_large_base64_field_is_not_bounded_by_the_memory_for_forms():
    text = "A" * 5_000_000
    assert multipart(("image_file_b64", text)).fields["image_file_b64"] == text
    body = read(FORM, b"image_file_b64=" + text.encode())
    assert body.fields["image_file_b64"] == text


def test_an_urlencoded_body():
    body = read(f"{FORM}; charset=utf-8", b"image_url=http%3A%2F%2Fa&crop=&bg_color=%23fff&x=a+b")
    assert body.fields == {"image_url": "http://a", "crop": "", "bg_color": "#fff", "x": "a b"}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_a_json_body_keeps_its_types(kind):
    fields = {"image_url": "http://a", "crop": False, "type_level": 2, "roi": None}
    assert read(kind, json.dumps(fields).encode()).fields == fields


@pytest.mark.parametrize("kind", ["", "image/jpeg", "text/plain"])
def test_a_body_of_another_type_holds_no_fields(kind):
    body = read(kind, b"image_url=http://a")
    assert not body.fields
    assert not body.files


@pytest.mark.parametrize(
    "kind, data",
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b'"text"'),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"a": ' + b"9" * 10_000 + b"}"),
        ("application/json", b"\xff\xfe\xfd"),
        (FORM, b"\xff=1"),
        (FORM, b"a=1&" * 200),
        ("multipart/form-data", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", raw_part('form-data; name="size"', b"auto")[:-9]),
        ("multipart/form-data; boundary=b", raw_part('form-data; name="a"', b"") * 200),
    ],
)
def test_a_body_that_does_not_follow_its_type(kind, data):
    with pytest.raises(DialectError) as caught:
        read(kind, data)
    assert caught.value.code == "invalid_body"

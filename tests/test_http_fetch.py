"""Downloads from URLs: real servers on loopback, and everything that must not be reached."""

import gzip
import threading
import time

import pytest
from loopback import Names, certificate, raw_server, sends

from cutout.errors import CutoutError, DownloadFailed, DownloadForbidden, TooManyBytes
from cutout.http.allow_list import parse_allow_list
from cutout.http.fetch import PORTS, fetch

__all__ = ["certificate"]

PUBLIC = parse_allow_list(["public"])
IMAGE = bytes(range(256)) * 100


def loopback(server, *more):
    return parse_allow_list([f"127.0.0.1/32:{server.port}", *more])


def download(server, path="/image.png", *, host="127.0.0.1", allow=None, **options):
    options = {"max_bytes": 1_000_000, "timeout_s": 10, **options}
    url = f"http://{host}:{server.port}{path}"
    return fetch(url, allow=allow or loopback(server), **options)


def test_the_bytes_arrive_with_an_ordinary_request():
    with raw_server(sends(IMAGE)) as server:
        assert download(server, "/a b?x=1&y=ü#part".replace(" ", "%20")) == IMAGE
        port = server.port
    head, *lines = server.requests[0].split("\r\n")
    assert head == "GET /a%20b?x=1&y=%C3%BC HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization"))]


@pytest.mark.parametrize("pieces", [[IMAGE], [IMAGE[:1]] * 50, [b"a" * 70_000, b"b"]])
def test_chunked_answers_arrive_whole(pieces):
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    answer = sends(chunks, Transfer_Encoding="chunked", Content_Length="")
    with raw_server(answer) as server:
        assert download(server) == b"".join(pieces)


def test_an_answer_without_a_length_ends_with_the_connection():
    with raw_server(sends(IMAGE, Content_Length="")) as server:
        assert download(server) == IMAGE


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.2:9")
    with raw_server(sends(IMAGE)) as server:
        assert download(server) == IMAGE


def test_the_connection_goes_to_the_checked_address_not_to_a_second_answer():
    """DNS rebinding: the name's second answer is another server, which must see nothing."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    with (
        raw_server(sends(IMAGE)) as checked,
        raw_server(sends(b"secret"), host="127.0.0.2", port=checked.port) as other,
    ):
        assert download(checked, host="images.test", resolver=names) == IMAGE
        assert names.asked == ["images.test"]
        assert not other.requests
        assert f"Host: images.test:{checked.port}" in checked.requests[0]
        with pytest.raises(DownloadForbidden):
            download(checked, host="images.test", resolver=names)
        assert not other.requests


def test_a_redirect_to_a_name_that_now_answers_otherwise_is_refused():
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    answer = sends(status="302 Found", Location="/again")
    with raw_server(answer) as server:
        with pytest.raises(DownloadForbidden):
            download(server, host="images.test", resolver=names)
        assert len(server.requests) == 1
    assert names.asked == ["images.test"] * 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status):
    with raw_server(sends(IMAGE)) as target:
        answer = sends(status=f"{status} Moved", Location=f"http://127.0.0.1:{target.port}/x")
        with raw_server(answer) as server:
            allow = loopback(server, f"127.0.0.1/32:{target.port}")
            assert download(server, allow=allow) == IMAGE


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "//169.254.169.254/",
        "file:///x",
        "http://localhost:22/",
        "http://2130706433/",
        "javascript:0",
        "http://u:p@8.8.8.8/",
    ],
)
def test_redirects_are_checked_like_the_first_url(location):
    with raw_server(sends(status="302 Found", Location=location)) as server:
        with pytest.raises(DownloadForbidden):
            download(server)
        assert len(server.requests) == 1


@pytest.mark.parametrize("allowed, requests", [(0, 1), (3, 4)])
def test_redirects_are_counted(allowed, requests):
    with raw_server(sends(status="302 Found", Location="/again")) as server:
        with pytest.raises(DownloadFailed, match=f"more than {allowed} times"):
            download(server, max_redirects=allowed)
        assert len(server.requests) == requests


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (sends(status="404 Not Found"), "HTTP status 404"),
        (sends(status="206 Partial Content"), "HTTP status 206"),
        (sends(status="304 Not Modified"), "HTTP status 304"),
        (sends(status="302 Found"), "HTTP status 302"),
        (sends(status="302 Found", Location="http://[x"), "no URL"),
        (sends(IMAGE, Content_Length="99999"), "in the middle"),
        (sends(gzip.compress(IMAGE), Content_Encoding="gzip"), "compressed"),
        (sends(b"zz\r\n", Transfer_Encoding="chunked", Content_Length=""), "connection"),
        (sends(b"ff\r\nab", Transfer_Encoding="chunked", Content_Length=""), "connection"),
        (lambda link: link.sendall(b"SSH-2.0-OpenSSH\r\n"), "connection"),
        (lambda link: link.sendall(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200), "connection"),
        (lambda link: None, "connection"),
    ],
)
def test_answers_that_are_no_image_say_what_is_wrong(answer, sentence):
    with raw_server(answer) as server, pytest.raises(DownloadFailed, match=sentence) as caught:
        download(server)
    assert "127.0.0.1" not in caught.value.detail


def test_a_refused_connection_is_a_failed_download():
    with raw_server(sends()) as server:
        pass
    with pytest.raises(DownloadFailed, match="connection"):
        download(server)


def test_the_next_address_is_tried_when_the_first_does_not_answer():
    with raw_server(sends(IMAGE)) as server:
        allow = loopback(server, f"127.0.0.3/32:{server.port}")
        names = Names(["127.0.0.3", "127.0.0.1"])
        assert download(server, host="images.test", allow=allow, resolver=names) == IMAGE


@pytest.mark.parametrize("announced", [str(len(IMAGE)), ""])
def test_a_body_over_the_limit_is_refused(announced):
    with raw_server(sends(IMAGE, Content_Length=announced)) as server:
        assert download(server, max_bytes=len(IMAGE)) == IMAGE
        with pytest.raises(TooManyBytes):
            download(server, max_bytes=len(IMAGE) - 1)


def test_a_body_without_end_is_left_at_the_limit():
    sent = []

    def endless(link):
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            link.sendall(bytes(65_536))
            sent.append(65_536)

    with raw_server(endless) as server, pytest.raises(TooManyBytes):
        download(server, max_bytes=100_000)
    # What the kernel's buffers on loopback take beside it.
    assert sum(sent) < 20_000_000


def dripping(head):
    """Send `head`, then a byte every 20 ms: no pause that a socket's own timeout would notice."""

    def handler(link):
        link.sendall(head)
        while not stop.wait(0.02):
            link.sendall(b"1")

    stop = threading.Event()
    return handler, stop


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_server_that_sends_a_byte_now_and_then_is_left_at_the_deadline(head):
    handler, stop = dripping(head)
    with raw_server(handler) as server:
        start = time.monotonic()
        with pytest.raises(DownloadFailed, match="in time"):
            download(server, timeout_s=0.4)
        elapsed = time.monotonic() - start
        stop.set()
    assert 0.3 < elapsed < 3


def test_the_deadline_counts_for_all_redirects_together():
    def slow(link):
        if not stop.wait(0.15):
            sends(status="302 Found", Location="/again")(link)

    stop = threading.Event()
    with raw_server(slow) as server:
        with pytest.raises(DownloadFailed, match="in time"):
            download(server, timeout_s=0.4, max_redirects=100)
        stop.set()
        assert len(server.requests) <= 3


def test_a_name_server_that_does_not_answer_is_left_at_the_deadline():
    answered = threading.Event()

    def silent(*_, **__):
        answered.wait(30)
        return []

    with pytest.raises(DownloadFailed, match="in time"):
        fetch("http://a.test/", allow=PUBLIC, max_bytes=9, timeout_s=0.2, resolver=silent)
    answered.set()


def tls_download(server, host, ca_file):
    return fetch(
        f"https://{host}:{server.port}/",
        allow=loopback(server),
        max_bytes=1_000_000,
        timeout_s=10,
        resolver=Names(["127.0.0.1"]),
        ca_file=ca_file,
    )


def test_over_tls_the_name_is_checked_though_the_address_is_pinned(certificate):
    ca_file, context = certificate
    with raw_server(sends(IMAGE), tls=context) as server:
        assert tls_download(server, "images.test", ca_file) == IMAGE
        assert f"Host: images.test:{server.port}" in server.requests[0]
        with pytest.raises(DownloadFailed, match="certificate"):
            tls_download(server, "other.test", ca_file)


def test_the_usual_port_is_left_out_of_the_host(certificate, monkeypatch):
    with raw_server(sends(IMAGE), tls=certificate[1]) as server:
        monkeypatch.setitem(PORTS, "https", server.port)
        tls_download(server, "images.test", certificate[0])
        assert "Host: images.test\r\n" in server.requests[0]


def test_a_certificate_of_an_unknown_authority_is_refused(certificate):
    with raw_server(sends(IMAGE), tls=certificate[1]) as server:
        with pytest.raises(DownloadFailed, match="certificate"):
            tls_download(server, "images.test", None)
        assert not server.requests


def test_tls_with_a_server_that_drips_ends_at_the_deadline(certificate):
    handler, stop = dripping(b"HTTP/1.1 200 OK\r\nX-Long: ")
    with raw_server(handler, tls=certificate[1]) as server:
        options = {"allow": loopback(server), "resolver": Names(["127.0.0.1"])}
        with pytest.raises(DownloadFailed, match="in time"):
            url = f"https://images.test:{server.port}/"
            fetch(url, max_bytes=9, timeout_s=0.5, ca_file=certificate[0], **options)
        stop.set()


def test_every_failure_is_a_problem_with_a_stable_code():
    expected = {
        DownloadFailed: (400, "download_failed"),
        DownloadForbidden: (400, "download_forbidden"),
    }
    for error, facts in expected.items():
        assert issubclass(error, CutoutError) and (error.status, error.code) == facts

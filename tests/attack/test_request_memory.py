"""What a request brings and what it is answered with: bounded for all requests together."""

import gc
import io
import json
import resource
import socket
import zipfile
from contextlib import ExitStack

import numpy as np
import pytest
import requests
from conftest import image_bytes
from held_server import FORM, answer, form, head, held_server, status
from standin import StandIn
from test_server import resident_mb
from test_slow import get, small_window

from app import create_app
from cutout.archives import ArchiveLimits, ImageArchive
from cutout.errors import InvalidRequest
from cutout.service import RemovalResult

SENDERS, READERS, MAX_MB = 6, 12, 60


@pytest.fixture(scope="module")
def server(tmp_path_factory, disc_module_png):
    """It has answered once, so that libraries are loaded before anything is measured."""
    with held_server(tmp_path_factory.mktemp("memory"), memory_bytes=200_000_000) as server:
        assert status(server.send(disc_module_png)) == 200
        yield server


@pytest.fixture(scope="module")
def disc_module_png():
    return image_bytes(np.full((60, 80, 3), 200, np.uint8))


@pytest.fixture(scope="module")
def large_jpeg():
    """Its result has 6 MB, which no compression makes smaller."""
    noise = np.random.default_rng(0).integers(120, 255, (1500, 1500, 3), np.uint8)
    return image_bytes(noise, "JPEG", quality=60)


@pytest.fixture(scope="module")
def large_result(server, large_jpeg):
    code, whole = answer(server.send(large_jpeg))
    assert code == 200
    return "/results/" + whole.partition(b"X-Cutout-Id: ")[2][:32].decode()


def posted(path: str, body: bytes, *lines: str, kind: str = FORM) -> bytes:
    top = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Type: {kind}", *lines]
    return "\r\n".join([*top, f"Content-Length: {len(body)}", "", ""]).encode() + body


def files_of(count: int, size: int) -> bytes:
    part = (
        b'--held\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        + bytes(size)
        + b"\r\n"
    )
    return part * count + b"--held--\r\n"


def texts_of(count: int, size: int) -> bytes:
    part = b'--held\r\nContent-Disposition: form-data; name="fit"\r\n\r\n' + b"a" * size + b"\r\n"
    return part * count + b"--held--\r\n"


UNFINISHED = {
    "a hundred files": ("/remove-bg", files_of(100, 400_000), (), FORM),
    "with a key to repeat it": ("/remove-bg", files_of(2, 20_000_000), ("Idempotency-Key",), FORM),
    "of remove.bg": ("/v1.0/removebg", files_of(1, 40_000_000), (), FORM),
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_bodies_that_do_not_end_need_no_memory(server, disc_png, name):
    """Six clients send all of a long body but its last byte; another is served meanwhile."""
    path, body, headers, kind = UNFINISHED[name]
    before = resident_mb(server.worker)
    with ExitStack() as stack:
        for number in range(SENDERS):
            lines = [f"{header}: {number}" for header in headers]
            link = stack.enter_context(socket.create_connection(server.place, timeout=30))
            send_until_refused(link, posted(path, body, *lines, kind=kind)[:-1])
        grown = resident_mb(server.worker) - before
        other = socket.create_connection(server.place, 30, source_address=("127.0.0.2", 0))
        length = len(form(disc_png))
        other.sendall(head(f"Content-Length: {length}") + form(disc_png))
        assert status(other) == 200
    assert grown < MAX_MB


def send_until_refused(link: socket.socket, data: bytes) -> None:
    """Some bodies are refused, by 413, before they are through."""
    try:
        link.sendall(data)
    except OSError:
        assert link.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "body, kind",
    [(b"a=b&" * 1_000_000, "application/x-www-form-urlencoded"), (texts_of(190, 30_000), FORM)],
)
def test_more_text_than_any_form_has_is_refused_before_it_is_parsed(server, body, kind):
    """A million fields of four bytes would take a hundred times as much memory."""
    address = server.running.address + "/remove-bg"
    got = requests.post(address, body, headers={"Content-Type": kind}, timeout=30)
    assert (got.status_code, got.json()["code"]) == (413, "too_many_bytes")


@pytest.mark.parametrize("what", ["of /remove-bg", "of /results", "of a ZIP"])
def test_answers_that_nobody_reads_need_no_more_memory_than_is_set(
    server, large_jpeg, large_result, what
):
    """Twelve clients of 6 MB or more: a tenth of the memory, 20 MB, is for answers."""
    requests = {
        "of /remove-bg": posted("/remove-bg", many(large_jpeg, 1), "Connection: close"),
        "of /results": get(large_result),
        "of a ZIP": posted("/remove-bg", many(large_jpeg, 2), "Connection: close"),
    }
    # What the work on them leaves in the allocator is there before.
    for link in [server.raw(requests[what]) for _ in range(4)]:
        assert status(link) == 200
    before = resident_mb(server.worker)
    with ExitStack() as stack:
        for _ in range(READERS):
            link = stack.enter_context(small_window(server))
            link.sendall(requests[what])
            assert link.recv(12) == b"HTTP/1.1 200"
        server.until(lambda load: not load["inside"])
        assert resident_mb(server.worker) - before < MAX_MB


def many(data: bytes, count: int) -> bytes:
    """The images as they are: nothing is to be known of the work on them."""
    top = b'--held\r\nContent-Disposition: form-data; name="%b"'
    off = top % b"remove" + b"\r\n\r\noff\r\n"
    part = top % b"image" + b'; filename="a.jpg"\r\n\r\n' + data + b"\r\n"
    return off + part * count + b"--held--\r\n"


def test_promises_of_long_bodies_hold_no_memory(server, disc_png):
    """Two of these counted as all memory for uploads before a byte had come."""
    line = "Content-Type: application/json\r\nContent-Length: 25000000"
    promise = f"POST /v1.0/removebg HTTP/1.1\r\nHost: test\r\n{line}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(READERS):
            stack.enter_context(server.raw(promise))
        assert status(server.send(disc_png)) == 200


def test_images_of_one_request_count_as_in_memory(build, disc_png):
    """They were read whatever else was there; now each waits, and is refused at the deadline."""
    client = build(deadline_s=1)
    service = client.application.extensions["cutout"].service
    service.upload_limit.take(service.upload_limit.max_bytes, "another")
    parts = [(io.BytesIO(disc_png), name) for name in ("a.png", "b.png")]
    got = client.post("/remove-bg", data={"image": parts}, headers={"Accept": "application/json"})
    assert [one["code"] for one in json.loads(got.data)] == ["overloaded"] * 2
    service.upload_limit.give_back(service.upload_limit.max_bytes, "another")
    assert service.upload_limit.held == 0


class Watching(StandIn):
    """Counts the results that are in memory while it works."""

    most = 0

    def infer(self, tensors):
        alive = sum(isinstance(one, RemovalResult) for one in gc.get_objects())
        self.most = max(self.most, alive)
        return super().infer(tensors)


def test_a_list_of_records_keeps_no_results(settings, disc_png):
    model = Watching()
    app = create_app(settings.model_copy(update={"cache_bytes": 0}), model)
    files = [(io.BytesIO(disc_png), f"{number}.png") for number in range(20)]
    accept = {"Accept": "application/json"}
    got = app.test_client().post("/remove-bg", data={"image": files}, headers=accept)
    app.extensions["cutout"].service.close()
    assert len(got.json) == 20
    assert model.most <= 4


def test_a_directory_of_a_million_files_is_not_read():
    """27 MB of a ZIP would become half a gigabyte before the files could be counted."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a", b"")
    whole = data.getvalue()
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start : whole.index(b"PK\x05\x06")], bytearray(whole[-22:])
    directory = entry * (27_000_000 // len(entry))
    end[12:20] = len(directory).to_bytes(4, "little") + start.to_bytes(4, "little")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidRequest, match="too many files"):
        ImageArchive(io.BytesIO(whole[:start] + directory + bytes(end)), ArchiveLimits(100, 1, 1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000

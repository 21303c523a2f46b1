"""deploy/nginx.conf in Debian's nginx before two real replicas: one is killed, one is drained."""

import http.client
import io
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
from held_server import HeldServer, answer, fetch, form, head, held_server, status, until
from loopback import certificate
from serving import Running, free_port

from cutout.settings import Settings

__all__ = ["certificate"]

ROOT = Path(__file__).parent.parent
CONF = (ROOT / "deploy" / "nginx.conf").read_text()
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
QUEUE = 4

pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")


class Front(HeldServer):
    """nginx, asked as a replica is."""


@contextmanager
def nginx(folder: Path, replicas: list[HeldServer], more: str = "") -> Iterator[Front]:
    """The file itself, with our addresses and a folder of ours for what it writes.

    more: directives for its server.
    """
    port, text = free_port(), CONF
    for number, replica in enumerate(replicas, 1):
        host, own = replica.place
        text = text.replace(f"cutout-{number}:5000", f"{host}:{own}")
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    assert "cutout-" not in re.sub(r"#.*", "", text)
    text = text.replace("location / {", f"{more}\nlocation / {{")
    (folder / "nginx.conf").write_text(text)
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g"]
    log_file = folder / "nginx.log"
    with log_file.open("w") as log:
        process = subprocess.Popen([*command, "daemon off; user root;"], stderr=log, stdout=log)
    front = Front(folder, Running(process, f"http://127.0.0.1:{port}", log_file))
    try:
        front.running.wait_until_ready()
        yield front
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(20)


@contextmanager
def two_replicas(folder: Path, **settings) -> Iterator[tuple[HeldServer, HeldServer, Front]]:
    with ExitStack() as running:
        replicas = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            known = {"queue": QUEUE, "cache_bytes": 0} | settings
            replicas.append(running.enter_context(held_server(folder / name, **known)))
        (folder / "nginx").mkdir()
        front = running.enter_context(nginx(folder / "nginx", replicas))
        yield *replicas, front


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with two_replicas(tmp_path_factory.mktemp("front"), max_bytes=60_000) as everything:
        yield everything


def inside(*replicas: HeldServer) -> list[int]:
    return [replica.load()["inside"] for replica in replicas]


def test_images_are_spread_over_the_replicas(both, disc_png):
    one, two, front = both
    with one.held(), two.held():
        links = [front.send(disc_png) for _ in range(4)]
        until(lambda: inside(one, two) == [2, 2], lambda: inside(one, two))
    assert [status(link) for link in links] == [200] * 4


def test_a_full_replica_hands_its_images_to_the_other(both, disc_png):
    one, two, front = both
    with one.held(), two.held():
        links = [one.send(disc_png) for _ in range(QUEUE)]
        until(lambda: inside(one) == [QUEUE])
        links += [front.send(disc_png) for _ in range(QUEUE)]
        until(lambda: inside(one, two) == [QUEUE, QUEUE], lambda: inside(one, two))
    assert [status(link) for link in links] == [200] * 2 * QUEUE


def test_with_both_full_a_client_is_told_when_to_come_back(both, disc_png):
    one, two, front = both
    with one.held(), two.held():
        links = [front.send(disc_png) for _ in range(2 * QUEUE)]
        until(lambda: inside(one, two) == [QUEUE, QUEUE], lambda: inside(one, two))
        for _ in range(3):
            code, whole = answer(front.send(disc_png))
            assert (code, b"Retry-After: " in whole) == (503, True)
    assert [status(link) for link in links] == [200] * 2 * QUEUE


def test_an_image_over_the_services_limit_gets_the_services_own_answer(both):
    code, whole = answer(both[2].send(b"\xff\xd8" + bytes(80_000)))
    assert (code, b"too_many_bytes" in whole) == (413, True)


def test_many_images_come_back_as_one_archive(both, disc_png):
    _, _, front = both
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(3):
            file.writestr(f"{number}.png", disc_png)
    code, whole = answer(front.send(archive.getvalue(), "many.zip"))
    body = whole.partition(b"\r\n\r\n")[2]
    assert code == 200
    assert len(zipfile.ZipFile(io.BytesIO(dechunked(whole, body))).namelist()) == 3


def dechunked(whole: bytes, body: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in whole.lower():
        return body
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)


def get(server: HeldServer, path: str) -> int:
    with closing(http.client.HTTPConnection(*server.place, timeout=10)) as link:
        return fetch(link, path)


def test_figures_are_not_for_the_public(both):
    one, _, front = both
    assert (get(one, "/metrics"), get(front, "/metrics")) == (200, 404)


def snippet(word: str) -> str:
    """The part of docs/operations.md, for nginx, that holds `word`."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (found,) = [one for one in re.findall(r"```nginx\n(.*?)```", text, re.DOTALL) if word in one]
    return found


def test_the_service_works_under_a_path(both, tmp_path, disc_png):
    with nginx(tmp_path, list(both[:2]), snippet("/cutout/")) as front:
        page = front.get("/cutout/").decode()
        (script,) = re.findall(r'<script type="module" src="([^"/][^"]*)"', page)
        assert b"import" in front.get(f"/cutout/{script}")
        link = front.raw(b"GET /cutout/docs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        code, whole = answer(link)
        place = re.search(rb"Location: (\S+)", whole)[1].decode()
        target = urljoin("/cutout/docs", place)
        assert (code, target) == (302, "/cutout/docs/swagger")
        assert "openapi" in front.get(target).decode()
        body = form(disc_png)
        top = head(f"Content-Length: {len(body)}").replace(b" /remove-bg", b" /cutout/remove-bg")
        assert status(front.raw(top + body)) == 200


def test_tls_ends_at_the_proxy(both, tmp_path, certificate):
    cert, _ = certificate
    port = free_port()
    text = snippet("ssl_certificate").replace("8443", f"127.0.0.1:{port}")
    text = re.sub(r"/run/secrets/(cert|key)\.pem", rf"{cert.parent}/\1.pem", text)
    with nginx(tmp_path, list(both[:2]), text):
        trust = ssl.create_default_context(cafile=str(cert))
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname="images.test") as link,
        ):
            link.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            whole = b"".join(iter(lambda: link.recv(65536), b""))
    assert whole.startswith(b"HTTP/1.1 200")
    assert b"Strict-Transport-Security: max-age=31536000" in whole


def test_a_killed_replica_loses_no_image(tmp_path, disc_png):
    with two_replicas(tmp_path, queue=8) as (one, two, front):
        with one.held(), two.held():
            links = [front.send(disc_png) for _ in range(4)]
            until(lambda: inside(one, two) == [2, 2], lambda: inside(one, two))
            os.kill(one.running.process.pid, signal.SIGKILL)
            os.kill(one.worker, signal.SIGKILL)
            until(lambda: inside(two) == [4], lambda: inside(two))
            # Who comes later does not notice.
            links += [front.send(disc_png) for _ in range(3)]
            until(lambda: inside(two) == [7], lambda: inside(two))
        assert [status(link) for link in links] == [200] * 7


def test_a_drained_replica_loses_no_image(tmp_path, disc_png):
    with two_replicas(tmp_path, queue=8) as (one, two, front):
        with one.held(), two.held():
            links = [front.send(disc_png) for _ in range(4)]
            until(lambda: inside(one, two) == [2, 2], lambda: inside(one, two))
            one.running.process.send_signal(signal.SIGTERM)
            until(lambda: get(one, "/readyz") == 503)
            links += [front.send(disc_png) for _ in range(4)]
            until(lambda: inside(two) == [6], lambda: inside(two))
        assert [status(link) for link in links] == [200] * 8
        assert one.running.process.wait(30) == 0
        assert status(front.send(disc_png)) == 200


def seconds(directive: str) -> int:
    return int(re.search(rf"{directive} (\d+)s;", CONF)[1])


def test_limits_and_times_fit_those_of_the_service():
    settings = Settings()
    assert int(re.search(r"client_max_body_size (\d+);", CONF)[1]) == settings.max_body_bytes
    assert seconds("client_body_timeout") == settings.body_timeout_s
    assert settings.deadline_s < seconds("proxy_next_upstream_timeout")
    assert settings.deadline_s < seconds("proxy_read_timeout")
    gunicorn = (ROOT / "cutout" / "server" / "gunicorn_conf.py").read_text()
    kept_s = int(re.search(r"(?m)^keepalive = (\d+)", gunicorn)[1])
    upstream = CONF[CONF.index("upstream cutout") :]
    assert int(re.search(r"keepalive_timeout (\d+)s;", upstream)[1]) < kept_s

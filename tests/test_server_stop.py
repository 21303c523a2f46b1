"""The real gunicorn at its ends: SIGTERM with work inside, a hung or dead model, a slow start."""

import http.client
import os
import re
import signal
import time
from contextlib import ExitStack, closing

import pytest
from held_server import (
    MAX_WAIT_S,
    answer,
    fetch,
    form,
    held_server,
    post,
    prepared_server,
    status,
    until,
)

DEADLINE_S = 2
# design.md: everything has ended by then, whatever hangs.
EXIT_S = DEADLINE_S + 5


def terminate(server) -> float:
    """SIGTERM to gunicorn's master, as a supervisor sends it; the time on the monotonic clock."""
    server.running.process.send_signal(signal.SIGTERM)
    return time.monotonic()


def fetch_anew(server, path: str) -> int:
    """Status over a new connection; a refusal or a time-out raises."""
    with closing(http.client.HTTPConnection(*server.place, timeout=MAX_WAIT_S)) as link:
        return fetch(link, path)


def until_unready(server) -> None:
    """Every new connection is answered meanwhile."""
    until(lambda: fetch_anew(server, "/readyz") == 503)


def test_a_stopping_server_is_unready_and_finishes_what_it_admitted(tmp_path, disc_png):
    with held_server(tmp_path, queue=4) as server:
        with ExitStack() as links, server.held():
            kept = [links.enter_context(closing(server.kept())) for _ in range(3)]
            inside = [server.send(disc_png) for _ in range(3)]
            server.until(lambda load: load["inside"] == 3)
            terminate(server)
            until_unready(server)
            assert fetch(kept[0], "/health") == 503
            assert fetch(kept[1], "/readyz") == 503
            assert post(kept[2], form(disc_png)) == 503
            code, whole = answer(server.send(disc_png))
            assert (code, b'"code": "not_ready"' in whole) == (503, True)
            assert fetch_anew(server, "/livez") == 200
        assert [status(link) for link in inside] == [200] * 3
        assert server.running.process.wait(MAX_WAIT_S) == 0
        with pytest.raises(ConnectionRefusedError):
            server.raw(b"GET /health HTTP/1.1\r\n\r\n")


def test_the_answers_of_a_stopping_server_end_their_connections(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        with closing(server.kept()) as kept, server.held():
            inside = server.send(disc_png)
            server.until(lambda load: load["inside"] == 1)
            terminate(server)
            until_unready(server)
            kept.request("GET", "/health")
            with kept.getresponse() as response:
                assert response.headers["Connection"] == "close"
        assert status(inside) == 200


def test_idle_and_silent_connections_do_not_keep_a_server_from_stopping(tmp_path):
    with held_server(tmp_path) as server, closing(server.kept()), closing(server.raw(b"")):
        start = terminate(server)
        assert server.running.process.wait(MAX_WAIT_S) == 0
        # A silent connection is given up after gunicorn's five seconds, an idle one after two.
        assert time.monotonic() - start < 10


def test_with_a_hung_model_everyone_is_answered_and_the_server_ends_in_time(tmp_path, disc_png):
    with held_server(tmp_path, deadline_s=DEADLINE_S) as server, server.held():
        inside = [server.send(disc_png) for _ in range(3)]
        server.until(lambda load: load["inside"] == 3)
        start = terminate(server)
        assert [status(link) for link in inside] == [504] * 3
        server.running.process.wait(MAX_WAIT_S)
        assert time.monotonic() - start < EXIT_S


def restarted(server, before: int) -> bool:
    """Whether another worker has taken over."""
    return server.worker != before and not os.path.exists(f"/proc/{before}")


def test_a_model_whose_thread_ended_gets_a_new_process(tmp_path, disc_png):
    with held_server(tmp_path) as server:
        before = server.worker
        (tmp_path / "fault").write_text("die")
        assert status(server.send(disc_png)) == 503
        until(lambda: restarted(server, before), lambda: server.running.log)
        server.running.wait_until_ready()
        assert status(server.send(disc_png)) == 200
        log = server.running.log
    assert "CRITICAL the model failed (The model's thread has ended.)" in log
    assert f"Worker (pid:{before}) exited with code 1" in log


def test_a_hung_model_turns_health_unready_and_gets_a_new_process(tmp_path, disc_png):
    (tmp_path / "max_pass_s").write_text("0.5")
    with held_server(tmp_path) as server:
        before = server.worker
        with closing(server.kept()) as kept, server.held():
            link = server.send(disc_png)
            server.until(lambda load: load["inside"] == 1)
            until(lambda: fetch(kept, "/health") == 503)
            assert status(link) == 503
            until(lambda: restarted(server, before), lambda: server.running.log)
        server.running.wait_until_ready()
        assert status(server.send(disc_png)) == 200


def test_an_app_that_loads_longer_than_the_masters_time_limit_is_not_killed(tmp_path):
    with prepared_server(tmp_path, "--timeout", "2") as server:
        with server.held("loading"):
            until((tmp_path / "worker").exists)
            first, end = server.worker, time.monotonic() + 6
            # Nothing to wait for: the master would kill it after two seconds without a sign.
            until(lambda: time.monotonic() > end)
            assert server.worker == first
        server.running.wait_until_ready()
        assert server.worker == first
        assert "TIMEOUT" not in server.running.log
        loaded_s = float(re.search(r"ready: .* (\d+\.\d) s", server.running.log)[1])
    assert loaded_s >= 5


def test_a_server_told_to_stop_while_it_loads_ends(tmp_path):
    with prepared_server(tmp_path) as server, server.held("loading"):
        until((tmp_path / "worker").exists)
        start = terminate(server)
        assert server.running.process.wait(MAX_WAIT_S) == 0
        assert time.monotonic() - start < 5

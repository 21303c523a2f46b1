"""The log of the real server: its start, each request, failures with id and trace, its end."""

import json
import re
import signal

import pytest
from held_server import answer, held_server, prepared_server, status

SECRET = "holiday-with-anna.png"
BAD_REQUESTS = ["GET /nothing", "PUT /remove-bg", "GET /results/" + "0" * 32]


def ask(server, line: str, request_id: str = "") -> int:
    top = f"{line} HTTP/1.1\r\nHost: test\r\nX-Request-Id: {request_id}\r\n"
    return status(server.raw(f"{top}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()))


def stop(server) -> None:
    server.running.process.send_signal(signal.SIGTERM)
    server.running.process.wait(30)


@pytest.fixture(scope="module")
def text_log(tmp_path_factory, module_disc_png):
    """The log of one run that saw every kind of request."""
    folder = tmp_path_factory.mktemp("text")
    with held_server(folder, deadline_s=5) as server:
        assert status(server.send(module_disc_png, SECRET)) == 200
        assert status(server.send(b"no image", SECRET)) == 415
        assert [ask(server, line, f"bad-{at}") for at, line in enumerate(BAD_REQUESTS)] == [
            404, 405, 404
        ]  # fmt: skip
        for fault in ("nan", "raise"):
            (folder / "fault").write_text(fault)
            assert status(server.send(module_disc_png + fault.encode(), SECRET)) == 500
        assert b"400" in answer(server.raw(b"no HTTP at all\r\n\r\n"))[1]
        address = server.running.address
        stop(server)
        yield server.running.log.replace(address, "http://ADDRESS")


@pytest.fixture(scope="module")
def module_disc_png():
    """A small image; the model is a stand-in, so any will do."""
    import numpy as np
    from conftest import image_bytes

    return image_bytes(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))


def requests(log: str) -> list[dict[str, str]]:
    """The fields of each request line."""
    lines = [line for line in log.splitlines() if re.search(r" request id=", line)]
    return [
        dict(pair.split("=", 1) for pair in line.split(" request ")[1].split()) for line in lines
    ]


def test_the_start_ends_with_one_line_that_says_what_runs_where(text_log):
    ready = [line for line in text_log.splitlines() if "ready" in line]
    assert len(ready) == 1
    assert re.fullmatch(r"\S+Z INFO ready: http://ADDRESS, cpu, fp32, \d+\.\d s", ready[0])


def test_the_end_is_logged(text_log):
    assert "INFO stopping: 0 admitted images are finished first" in text_log
    assert "INFO stopped" in text_log


def test_a_finished_image_is_one_line_with_its_figures(text_log):
    (done,) = [row for row in requests(text_log) if row.get("cache")]
    assert re.fullmatch(r"[0-9a-f]{16}", done["id"])
    assert (done["method"], done["route"], done["status"]) == ("POST", "/remove-bg", "200")
    assert (done["megapixels"], done["cache"], done["device"]) == ("0.02", "miss", "cpu")
    assert float(done["ms"]) > 0
    assert int(done["bytes"]) > 100


@pytest.mark.parametrize(
    "at, method, route, status, code",
    [
        (0, "GET", "unknown", "404", "not_found"),
        (1, "PUT", "unknown", "405", "method_not_allowed"),
        (2, "GET", "/results/<name>", "404", "not_found"),
    ],
)
def test_every_refused_request_is_one_line(text_log, at, method, route, status, code):
    (row,) = [row for row in requests(text_log) if row["id"] == f"bad-{at}"]
    assert (row["method"], row["route"]) == (method, route)
    assert (row["status"], row["code"]) == (status, code)


def test_failures_of_the_model_have_their_requests_id_and_a_trace(text_log):
    failed = [row for row in requests(text_log) if row["status"] == "500"]
    assert [row["code"] for row in failed] == ["model_failed"] * 2
    for row in failed:
        after = text_log.split(f"ERROR request id={row['id']}")[1]
        assert "\nTraceback (most recent call last):\n" in after
        assert "ModelFailed" in after


def test_what_reaches_no_endpoint_is_in_the_same_log(text_log):
    (row,) = [row for row in requests(text_log) if row.get("code") == "malformed_request"]
    assert (row["status"], row["route"]) == ("400", "unknown")


def test_no_file_name_and_no_id_of_a_result_is_logged(text_log):
    assert SECRET not in text_log
    assert "0" * 32 not in text_log


def test_json_is_one_object_a_line_from_start_to_end(tmp_path, disc_png):
    with held_server(tmp_path, log="json") as server:
        (tmp_path / "fault").write_text("raise")
        assert status(server.send(disc_png, SECRET)) == 500
        stop(server)
        events = [json.loads(line) for line in server.running.log.splitlines()]
    assert [event["message"].split(":")[0] for event in events if "status" not in event] == [
        "ready", "stopping", "stopped"
    ]  # fmt: skip
    (failed,) = [event for event in events if event.get("code") == "model_failed"]
    assert (failed["level"], failed["route"], failed["status"]) == ("ERROR", "/remove-bg", 500)
    assert "ModelFailed" in failed["trace"]
    assert "direct cause" in failed["trace"]


def test_off_writes_nothing(tmp_path, disc_png):
    with held_server(tmp_path, log="off") as server:
        assert status(server.send(disc_png)) == 200
        stop(server)
        assert server.running.log == ""


def test_a_wrong_style_is_refused_by_name(tmp_path):
    with prepared_server(tmp_path, log="xml") as server:
        assert server.running.process.wait(30) != 0
        assert "CUTOUT_LOG" in server.running.log

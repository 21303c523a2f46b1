"""What every answer carries: an id, safe headers, and one line of log."""

import json
import logging
import re

import pytest
from test_api import post, problem

from cutout import logs

ID = "0123456789abcdef" * 2


def line(caplog) -> logging.LogRecord:
    """The one record of the one request."""
    (record,) = [record for record in caplog.records if record.message == "request"]
    return record


def get(client, path, **options):
    return client.get(path, buffered=True, **options)


@pytest.fixture(autouse=True)
def listening(caplog):
    caplog.set_level(logging.INFO, logger="cutout")


@pytest.mark.parametrize(
    "path", ["/health", "/metrics", "/nothing", f"/results/{ID}", "/openapi.json", "/remove-bg"]
)
def test_every_answer_has_safe_headers(client, path):
    headers = get(client, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "sandbox" in headers["Content-Security-Policy"]


def test_an_image_fetched_again_is_private_and_runs_nothing(client, disc_png):
    name = post(client, "/remove-bg", image=disc_png).headers["X-Cutout-Id"]
    headers = get(client, f"/results/{name}").headers
    assert headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Type"] == "image/png"


def test_the_page_of_docs_may_run_its_own_script_only(client):
    policy = get(client, "/docs/swagger").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("path, allowed", [("/remove-bg", "POST"), (f"/results/{ID}", "DELETE")])
def test_a_wrong_method_is_told_the_right_ones(client, path, allowed):
    response = client.put(path, buffered=True)
    problem(response, 405, "method_not_allowed")
    assert allowed in response.headers["Allow"].split(", ")


@pytest.mark.parametrize("offered", ["a" * 65, "é1", "a b", "٣", ""])
def test_a_callers_id_that_is_not_plain_ascii_is_replaced(client, offered):
    given = get(client, "/livez", headers={"X-Request-Id": offered}).headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{16}", given)


def test_a_request_is_one_line_with_what_was_done(client, disc_png, caplog):
    response = post(client, "/remove-bg", {"X-Request-Id": "mine-1"}, image=disc_png)
    fields = line(caplog).fields
    assert fields.pop("ms") > 0
    assert fields == {
        "id": "mine-1",
        "method": "POST",
        "route": "/remove-bg",
        "status": 200,
        "bytes": len(response.data),
        "megapixels": 0.02,
        "cache": "miss",
        "device": "cpu",
    }


def test_the_route_is_logged_and_never_the_address(client, caplog):
    get(client, f"/results/{ID}?secret=1")
    assert line(caplog).fields["route"] == "/results/<name>"
    assert ID not in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "path, status, code",
    [("/nothing", 404, "not_found"), ("/remove-bg", 405, "method_not_allowed")],
)
def test_errors_of_flask_are_logged_with_their_code(client, caplog, path, status, code):
    get(client, path)
    assert (line(caplog).fields["status"], line(caplog).fields["code"]) == (status, code)
    assert (line(caplog).levelname, line(caplog).exc_info) == ("INFO", None)


def test_a_refused_image_is_logged_without_its_file_name(client, caplog):
    post(client, "/remove-bg", image=b"no image")
    assert line(caplog).fields["code"] == "unsupported_type"
    assert "image.bin" not in caplog.text


def test_a_full_queue_is_a_warning_without_a_trace(client, app, disc_png, caplog):
    app.extensions["cutout"].service.queue_limit.images = 0
    post(client, "/remove-bg", image=disc_png)
    assert (line(caplog).levelname, line(caplog).fields["status"]) == ("WARNING", 503)
    assert line(caplog).exc_info is None


def test_an_unexpected_failure_is_logged_with_id_and_trace(client, app, disc_png, caplog):
    model = app.extensions["cutout"].service.model
    model.prepare = lambda *_, **__: 1 / 0
    response = post(client, "/remove-bg", image=disc_png)
    text = logs.TextFormatter().format(line(caplog))
    assert f"ERROR request id={response.headers['X-Request-Id']}" in text
    assert "ZeroDivisionError" in text


def test_a_full_disk_is_logged_with_a_trace(client, app, disc_png, caplog):
    app.extensions["cutout"].service.storage.quota_bytes = 0
    post(client, "/remove-bg", image=disc_png)
    event = json.loads(logs.JsonFormatter().format(line(caplog)))
    assert (event["status"], event["code"], event["level"]) == (507, "storage_full", "ERROR")
    assert "StorageFull" in event["trace"]

"""What /metrics tells: requests, time, cache, process, model; and that its names are right."""

import io
import re
import shutil
import subprocess

import pytest
from test_api import post

from cutout import __version__
from cutout.telemetry import Telemetry


def figures(client) -> dict[str, float]:
    """Every sample of /metrics by name and labels."""
    lines = client.get("/metrics", buffered=True).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def kind(client, name: str) -> str:
    return re.search(rf"(?m)^# TYPE {name} (\w+)", client.get("/metrics").text)[1]


def test_time_of_requests_is_counted_by_route_and_class_of_status(client, disc_png):
    post(client, "/remove-bg", image=disc_png)
    post(client, "/remove-bg", image=b"no image")
    found = figures(client)
    name = "cutout_request_duration_seconds_count"
    assert found[f'{name}{{route="/remove-bg",status_class="2xx"}}'] == 1
    assert found[f'{name}{{route="/remove-bg",status_class="4xx"}}'] == 1
    total = 'cutout_request_duration_seconds_sum{route="/remove-bg",status_class="2xx"}'
    assert 0 < found[total] < 30


def test_a_path_of_a_client_never_becomes_a_label(client):
    client.get("/results/0123456789abcdef0123456789abcdef", buffered=True)
    client.get("/secret", buffered=True)
    text = client.get("/metrics").text
    assert "0123456789abcdef0123456789abcdef" not in text
    assert "secret" not in text
    assert 'route="/results/<name>"' in text


def test_a_method_of_a_client_never_becomes_a_label(client):
    client.open("/remove-bg", method="BREW", buffered=True)
    found = figures(client)
    # Flask matches no rule to it, so there is no route either.
    assert found['cutout_requests_total{method="other",route="unknown",status="405"}'] == 1


def test_time_of_a_streamed_answer_lasts_to_its_end(client, disc_png):
    files = [(io.BytesIO(disc_png), name) for name in ("a.png", "b.png")]
    response = client.post("/remove-bg", data={"image": files})
    name = 'cutout_request_duration_seconds_count{route="/remove-bg",status_class="2xx"}'
    assert name not in figures(client)
    assert response.data
    response.close()
    assert figures(client)[name] == 1


def test_cache_hits_and_misses_are_counters(client, disc_png):
    for _ in range(3):
        post(client, "/remove-bg", image=disc_png)
    found = figures(client)
    assert (found["cutout_cache_hits_total"], found["cutout_cache_misses_total"]) == (2, 1)
    assert kind(client, "cutout_cache_hits_total") == "counter"
    assert kind(client, "cutout_refused_total") == "counter"


def test_refused_images_are_counted(client, app, disc_png):
    app.extensions["cutout"].service.queue_limit.images = 0
    post(client, "/remove-bg", image=disc_png)
    assert figures(client)["cutout_refused_total"] == 1


def test_memory_and_time_of_the_process_are_told(client):
    found = figures(client)
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert found["process_cpu_seconds_total"] > 0
    assert found["process_open_fds"] > 0


def test_version_and_model_are_labels(client):
    found = figures(client)
    assert found[f'cutout_build_info{{version="{__version__}"}}'] == 1
    labels = 'device="cpu",model="stand-in",precision="fp32",runtime="",sha256=""'
    assert found[f"cutout_model_info{{{labels}}}"] == 1


def test_a_draining_service_is_told_as_not_ready(client, app):
    assert figures(client)["cutout_ready"] == 1
    app.extensions["cutout"].service.draining = True
    assert figures(client)["cutout_ready"] == 0


def test_a_counter_that_is_read_shows_the_present_value():
    telemetry, count = Telemetry(), iter((3.0, 5.0))
    telemetry.watch_counter("things", "Things so far", lambda: next(count))
    assert b"\nthings_total 3.0\n" in telemetry.page()
    assert b"\nthings_total 5.0\n" in telemetry.page()


def test_two_apps_count_apart():
    one, other = Telemetry(), Telemetry()
    one.answered("GET", "/", 200, 0.1)
    assert b'status="200"' in one.page()
    assert b'status="200"' not in other.page()


def test_prometheus_own_checker_accepts_the_page(client, disc_png):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    post(client, "/remove-bg", image=disc_png)
    page = client.get("/metrics", buffered=True).data
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr

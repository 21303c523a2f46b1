"""The Triton runtime against a real server: equal results, kills, a full queue, slow answers."""

import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tritonclient", reason="tritonclient is in requirements-triton.txt")

from triton_kit import TritonServer, repository, skip_without_server

from app import create_app
from cutout import deadlines, weights
from cutout.errors import ConfigurationError, DeadlinePassed, NotReady, Overloaded
from cutout.models import processing
from cutout.models.table import spec_of
from cutout.runtimes import RuntimeConfig, open_runtime, triton
from cutout.settings import Settings
from u2net import RembgModel

SPEC = spec_of("u2netp")
pytestmark = [
    # gevent's, of the client's HTTP part.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def config(u2netp_path) -> RuntimeConfig:
    cache = weights.derived_folder(u2netp_path, os.environ)
    return RuntimeConfig(
        u2netp_path, SPEC.sha256 or SPEC.md5, "u2netp", 320, cache, "cpu", "fp32", "onnxruntime"
    )


def serve(tmp_path_factory, config, **settings):
    skip_without_server()
    folder = tmp_path_factory.mktemp("triton")
    return TritonServer(repository(folder / "models", config, **settings), folder).start()


@pytest.fixture(scope="module")
def server(tmp_path_factory, config):
    server = serve(tmp_path_factory, config)
    yield server
    server.kill()


@pytest.fixture
def slow(tmp_path_factory, config):
    """Each pass takes 2 s; one request runs, one may wait."""
    server = serve(tmp_path_factory, config, delay_s=2, max_batch=1, queue=1)
    yield server
    server.kill()


def remote(config: RuntimeConfig, url: str):
    return open_runtime(replace(config, runtime="triton", url=url))


def tensors(count: int = 1, side: int = 320, fit: str = "stretch") -> np.ndarray:
    y, x = np.mgrid[:200, :300]
    made = []
    for number in range(count):
        inside = (y - 100) ** 2 + (x - 100 - 10 * number) ** 2 < 70**2
        rgb = np.where(inside[..., None], np.uint8([210, 150, 60]), np.uint8([30, 60, 90]))
        made.append(processing.prepare(SPEC, rgb, side, fit))
    return np.stack(made)


@pytest.mark.parametrize("url", ["", "http://", "ftp://host:1", "host:8000"])
def test_an_address_that_is_none_is_refused_at_start(url, tmp_path):
    config = RuntimeConfig(tmp_path, "", "u2netp", 320, tmp_path, runtime="triton", url=url)
    with pytest.raises(ConfigurationError, match="CUTOUT_TRITON_URL"):
        open_runtime(config)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_server_that_is_not_there_is_told_and_not_waited_for(protocol, tmp_path, monkeypatch):
    monkeypatch.setattr(triton, "RETRY_S", 0.3)
    url = f"{protocol}://127.0.0.1:9"
    config = RuntimeConfig(tmp_path, "", "u2netp", 320, tmp_path, runtime="triton", url=url)
    runtime = open_runtime(config)
    with pytest.raises(NotReady, match="does not answer"):
        runtime.run(tensors())
    began = time.monotonic()
    with pytest.raises(NotReady):
        runtime.run(tensors(4))
    assert time.monotonic() - began < 0.2, "a server that is down is asked again too soon"
    assert runtime.describe()["server_ready"] is False
    runtime.close()


@pytest.mark.fleet
@pytest.mark.weights
@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("side, fit", [(320, "stretch"), (320, "pad"), (384, "stretch")])
def test_the_server_answers_what_the_reference_computes(server, config, protocol, side, fit):
    local = open_runtime(replace(config, input_size=side))
    there = remote(replace(config, input_size=side), server.url(protocol))
    batch = tensors(5, side, fit)
    expected, found = local.run(batch), there.run(batch)
    assert np.abs(found - expected).max() < 1 / 10_000
    for one, other in zip(found, expected, strict=True):
        alphas = [processing.finish(scores, (200, 300), fit) for scores in (one, other)]
        assert np.abs(alphas[0] - alphas[1]).max() <= 1.001 / 255
    there.close()


@pytest.mark.fleet
@pytest.mark.weights
def test_the_service_needs_no_weights(server, tmp_path, disc_png):
    settings = Settings(
        model="u2netp",
        models_dir=tmp_path / "empty",
        runtime="triton",
        triton_url=server.url("http"),
        upload_dir=tmp_path / "uploads",
        result_dir=tmp_path / "results",
    )
    app = create_app(settings, RembgModel("u2netp", settings))
    client = app.test_client()
    response = client.post("/remove-bg", data={"image": (io.BytesIO(disc_png), "a.png")})
    assert response.status_code == 200
    health = client.get("/health")
    assert health.status_code == 200
    assert health.json["device"]["server_ready"] is True
    app.extensions["cutout"].service.close()
    assert not (tmp_path / "empty").exists()


@pytest.mark.fleet
@pytest.mark.weights
def test_health_says_that_the_server_is_gone_and_that_it_is_back(
    tmp_path_factory, tmp_path, config, disc_png, monkeypatch
):
    monkeypatch.setattr(triton, "RETRY_S", 0.3)
    monkeypatch.setattr(triton, "PROBE_EVERY_S", 0.0)
    server = serve(tmp_path_factory, config)
    settings = Settings(
        model="u2netp",
        runtime="triton",
        triton_url=server.url("grpc"),
        upload_dir=tmp_path / "uploads",
        result_dir=tmp_path / "results",
    )
    app = create_app(settings, RembgModel("u2netp", settings))
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    server.kill()
    health = client.get("/health")
    assert (health.status_code, health.json["status"]) == (503, "unavailable")
    assert "does not answer" in health.json["reason"]
    response = client.post("/remove-bg", data={"image": (io.BytesIO(disc_png), "a.png")})
    assert (response.status_code, response.json["code"]) == (503, "not_ready")
    server.start()
    deadline = time.monotonic() + 20
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
    response = client.post("/remove-bg", data={"image": (io.BytesIO(disc_png), "b.png")})
    assert response.status_code == 200
    app.extensions["cutout"].service.close()
    server.kill()


@pytest.mark.fleet
@pytest.mark.weights
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_server_killed_in_the_middle_of_a_request_is_asked_again(
    slow, config, protocol, monkeypatch
):
    monkeypatch.setattr(triton, "RETRY_S", 60.0)
    runtime = remote(config, slow.url(protocol))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(runtime.run, tensors())
        threading.Event().wait(1.0)
        assert not answer.done()
        slow.kill()
        slow.start()
        assert answer.result(60).shape == (1, 320, 320)
    runtime.close()


@pytest.mark.fleet
@pytest.mark.weights
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_full_queue_is_overload_and_an_answer_that_comes_late_is_none(slow, config, protocol):
    runtime = remote(config, slow.url(protocol))
    with pytest.raises(Overloaded):
        runtime.run(tensors(6))
    began = time.monotonic()
    with deadlines.pass_on([began + 0.5]), pytest.raises((DeadlinePassed, Overloaded)):
        runtime.run(tensors(1))
    assert time.monotonic() - began < 1.5
    runtime.close()


@pytest.mark.fleet
@pytest.mark.weights
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_slow_answer_ends_at_the_deadline(slow, config, protocol):
    runtime = remote(config, slow.url(protocol))
    began = time.monotonic()
    with deadlines.pass_on([began + 0.5]), pytest.raises(DeadlinePassed):
        runtime.run(tensors(1))
    assert time.monotonic() - began < 1.5
    runtime.close()

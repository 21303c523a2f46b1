"""Streams, threads and workers follow the number of cores, here a pretended one."""

import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from standin import StandIn

from app import Parts
from cutout import parallel
from cutout.runtimes import RuntimeConfig, open_runtime
from cutout.runtimes.streams import streams_for

MUCH = 10**12
EXPECTED = {1: 1, 2: 1, 3: 3, 4: 4, 5: 5, 8: 8, 12: 8, 16: 8, 32: 8, 64: 16, 128: 32}


@pytest.mark.parametrize("cores, streams", EXPECTED.items())
def test_streams_follow_the_cores(cores, streams):
    assert streams_for(cores, MUCH, 320) == streams_for(cores, None, 320) == streams


def test_streams_that_do_not_fit_into_the_memory_are_left_out():
    assert streams_for(64, 2_000_000_000, 320) == 5
    assert streams_for(64, 2_000_000_000, 512) == 1
    assert streams_for(64, 0, 320) == 1


@pytest.fixture
def cores(monkeypatch):
    """Let this process believe in a number of cores."""

    def pretend(count):
        monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda process: set(range(count)))
        monkeypatch.setattr(parallel.usable_cores, "__defaults__", (Path("/nonexistent"),))
        assert parallel.usable_cores() == count

    return pretend


@pytest.mark.parametrize("count", [2, 8, 32, 64])
def test_the_service_follows_them(cores, settings, count):
    cores(count)

    class Side(StandIn):
        parallel_runs = preferred_batch = streams_for(count, MUCH, 320)

    parts = Parts(settings, Side())
    assert len(parts.batcher._threads) == EXPECTED[count]
    assert (parts.batcher.max_batch, parts.workers) == (1, count)
    parts.batcher.close()


def test_a_set_number_of_images_at_once_limits_the_threads(settings):
    class Side(StandIn):
        parallel_runs = preferred_batch = 8

    parts = Parts(settings.model_copy(update={"max_batch": 3}), Side())
    assert (len(parts.batcher._threads), parts.batcher.max_batch) == (3, 1)
    parts.batcher.close()


@pytest.fixture(scope="module")
def config(u2netp_path, tmp_path_factory):
    digest = sha256(u2netp_path.read_bytes()).hexdigest()
    cache = tmp_path_factory.mktemp("cache")
    return RuntimeConfig(
        u2netp_path, digest, "u2netp", 320, cache, device="cpu", runtime="openvino"
    )


@pytest.mark.weights
def test_openvino_has_the_streams_of_the_rule(cores, config):
    cores(16)
    facts = open_runtime(config).describe()
    assert (facts["streams"], facts["preferred_batch"]) == (8, 8)


@pytest.mark.weights
def test_streams_give_every_caller_its_own_map(config):
    """From many threads at once, and as a batch: the same as from one alone."""
    one = open_runtime(replace(config, threads=1))
    many = open_runtime(replace(config, threads=12))
    assert (one.parallel_runs, many.parallel_runs) == (1, 8)
    images = np.random.default_rng(0).normal(0, 1, (7, 3, 320, 320)).astype(np.float32)
    expected = one.run(images)
    found = [None] * len(images)

    def ask(index):
        found[index] = many.run(images[index : index + 1])[0]

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.abs(np.stack(found) - expected).max() < 1e-4
    assert np.abs(many.run(images) - expected).max() < 1e-4

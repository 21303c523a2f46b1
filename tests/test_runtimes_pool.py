"""Input sizes are compiled once each, outside their callers, and failures are remembered."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cutout.errors import ConfigurationError, DeviceUnavailable, ModelFailed, NotReady
from cutout.runtimes import Runtime, RuntimeConfig, RuntimePool
from cutout.runtimes.pool import RETRY_S

LIMIT_S = 20


class FakeRuntime(Runtime):
    """No model: the pool only passes it on."""

    def __init__(self, config):
        super().__init__(config, preferred_batch=1, free_bytes=None)
        self.closed = False

    def _run(self, batch):
        return np.zeros((len(batch), *batch.shape[2:]), np.float32)

    def _engine_info(self):
        return {}

    def close(self):
        self.closed = True


class Opener:
    """Counts the compilations of each size; those of `held` sizes wait until `go` is set."""

    def __init__(self, held=(), errors=()):
        self.calls, self.errors = Counter(), dict(errors)
        self.held, self.go, self.began = set(held), threading.Event(), threading.Event()
        self.threads = set()

    def __call__(self, config):
        size = config.input_size
        self.calls[size] += 1
        self.threads.add(threading.get_ident())
        if size in self.held:
            self.began.set()
            assert self.go.wait(LIMIT_S)
        if size in self.errors:
            raise self.errors[size]
        return FakeRuntime(config)


@pytest.fixture
def make_pool():
    """Makes a pool around an opener; lets everything end and closes it after the test."""
    pools = []

    def make(opener, **options):
        config = RuntimeConfig(Path("none.onnx"), "0" * 64, "u2net", 320, Path("none"))
        pools.append((RuntimePool(config, opener, **options), opener))
        return pools[-1][0]

    yield make
    for pool, opener in pools:
        opener.go.set()
        pool.close()


def test_a_size_is_compiled_once_for_many_callers(make_pool):
    opener = Opener(held=[512])
    pool = make_pool(opener)
    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(pool.get, 512, LIMIT_S) for _ in range(8)]
        assert opener.began.wait(LIMIT_S)
        opener.go.set()
        runtimes = {call.result() for call in asked}
    assert opener.calls == {512: 1}
    assert [runtime.config.input_size for runtime in runtimes] == [512]


def test_other_sizes_are_had_while_one_compiles(make_pool):
    opener = Opener(held=[512])
    pool = make_pool(opener)
    ready = pool.get(320)
    with pytest.raises(NotReady):
        pool.get(512, timeout=0)
    assert opener.began.wait(LIMIT_S)
    assert pool.get(320, timeout=0) is ready
    assert pool.get(384, LIMIT_S).config.input_size == 384
    assert not opener.go.is_set()


def test_a_caller_that_may_not_wait_is_told_when_to_come_back(make_pool):
    opener = Opener(held=[384])
    pool = make_pool(opener)
    with pytest.raises(NotReady, match="input size 384") as caught:
        pool.get(384, timeout=0.01)
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    opener.go.set()
    assert pool.get(384, LIMIT_S).config.input_size == 384
    assert opener.calls == {384: 1}


def test_compilation_never_runs_in_the_thread_that_asks(make_pool):
    opener = Opener()
    make_pool(opener).get(320)
    assert threading.get_ident() not in opener.threads


@pytest.mark.parametrize(
    "raised, expected, words",
    [
        (DeviceUnavailable("the GPU is full"), DeviceUnavailable, "the GPU is full"),
        (RuntimeError("an engine's own text"), ModelFailed, "input size 512"),
        (MemoryError(), ModelFailed, "input size 512"),
    ],
)
def test_a_failure_is_remembered_and_then_tried_again(make_pool, raised, expected, words):
    now = 1000.0
    opener = Opener(errors={512: raised})
    pool = make_pool(opener, clock=lambda: now)
    caught = []
    for _ in range(3):
        with pytest.raises(expected, match=words) as error:
            pool.get(512)
        caught.append(error.value)
    assert opener.calls == {512: 1}
    assert len(set(map(id, caught))) == 3
    now += RETRY_S
    with pytest.raises(expected, match=words):
        pool.get(512)
    assert opener.calls == {512: 2}
    opener.errors.clear()
    now += RETRY_S
    assert pool.get(512).config.input_size == 512


def test_a_failure_leaves_other_sizes_alone(make_pool):
    pool = make_pool(Opener(errors={512: RuntimeError()}))
    with pytest.raises(ModelFailed):
        pool.get(512)
    assert pool.get(320).config.input_size == 320


def test_a_size_the_graph_cannot_take_is_refused_by_name(make_pool):
    opener = Opener()
    with pytest.raises(ConfigurationError, match="multiple of 32"):
        make_pool(opener).get(300)
    assert not opener.calls


def test_closing_frees_every_runtime(make_pool):
    pool = make_pool(Opener(errors={512: RuntimeError()}))
    runtimes = [pool.get(320), pool.get(384)]
    with pytest.raises(ModelFailed):
        pool.get(512)
    pool.close()
    assert all(runtime.closed for runtime in runtimes)

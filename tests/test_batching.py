"""Batches, deadlines, inputs on which the model fails."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cutout.batching import Batcher, Ticket
from cutout.errors import DeadlinePassed, ModelFailed, NotReady

NEVER = float("inf")


class Held:
    """An `infer` that waits for `go`; scores are the tensor's mean per channel position."""

    def __init__(self):
        self.go, self.sizes = threading.Event(), []
        self.running = threading.Event()

    def __call__(self, tensors):
        self.sizes.append([float(tensor.flat[0]) for tensor in tensors])
        self.running.set()
        assert self.go.wait(10)
        if any(tensor.flat[0] == 13 for tensor in tensors):
            raise ValueError("the model fails on this one")
        return [tensor.mean(axis=0) for tensor in tensors]


def tensor(value, side=4):
    return np.full((3, side, side), value, np.float32)


@pytest.fixture
def held():
    return Held()


@pytest.fixture
def batcher(held):
    batcher = Batcher(held, max_batch=4)
    yield batcher
    held.go.set()
    batcher.close()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


def keep_busy(batcher, held, pool):
    """Let the model begin one image, so that all that follows waits."""
    first = pool.submit(batcher.run, tensor(0), NEVER)
    assert held.running.wait(5)
    return first


def wait_for(batcher, count):
    limit = time.monotonic() + 5
    while batcher.waiting < count:
        assert time.monotonic() < limit
        threading.Event().wait(0.001)


def test_what_waits_becomes_one_batch_and_everyone_gets_its_own_map(batcher, held, pool):
    first = keep_busy(batcher, held, pool)
    rest = {value: pool.submit(batcher.run, tensor(value), NEVER) for value in (1, 2, 3, 4, 5)}
    wait_for(batcher, 5)
    held.go.set()
    assert first.result()[0, 0] == 0
    assert {value: job.result()[0, 0] for value, job in rest.items()} == {v: v for v in rest}
    assert [len(batch) for batch in held.sizes] == [1, 4, 1]


def test_tensors_of_another_shape_wait_for_the_next_batch(batcher, held, pool):
    keep_busy(batcher, held, pool)
    jobs = [pool.submit(batcher.run, tensor(7, side), NEVER) for side in (4, 8)]
    wait_for(batcher, 2)
    held.go.set()
    assert [job.result().shape for job in jobs] == [(4, 4), (8, 8)]
    assert [len(batch) for batch in held.sizes] == [1, 1, 1]


def test_an_image_on_which_the_model_fails_fails_alone(batcher, held, pool):
    keep_busy(batcher, held, pool)
    good, bad = (
        pool.submit(batcher.run, tensor(1), NEVER),
        pool.submit(batcher.run, tensor(13), NEVER),
    )
    wait_for(batcher, 2)
    held.go.set()
    assert good.result()[0, 0] == 1
    with pytest.raises(ModelFailed):
        bad.result()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_inf_fail_alone(batcher, held, pool, value):
    keep_busy(batcher, held, pool)
    good, bad = (
        pool.submit(batcher.run, tensor(1), NEVER),
        pool.submit(batcher.run, tensor(value), NEVER),
    )
    wait_for(batcher, 2)
    held.go.set()
    assert good.result()[0, 0] == 1
    with pytest.raises(ModelFailed, match="NaN"):
        bad.result()


def test_a_deadline_is_kept_and_the_image_never_reaches_the_model(batcher, held, pool):
    keep_busy(batcher, held, pool)
    with pytest.raises(DeadlinePassed):
        batcher.run(tensor(9), time.monotonic() + 0.02)
    held.go.set()
    batcher.close()
    assert held.sizes == [[0.0]]


def test_a_image_whose_client_is_gone_never_reaches_the_model(batcher, held, pool):
    keep_busy(batcher, held, pool)
    pool.submit(batcher.run, tensor(9), NEVER, lambda: False)
    wait_for(batcher, 1)
    held.go.set()
    batcher.close()
    assert held.sizes == [[0.0]]
    assert batcher.dropped == 1


@pytest.mark.parametrize("left_by", ["deadline", "cancel", "client"])
def test_a_ticket_nobody_waits_for_is_settled_whatever_came_first(left_by):
    past = 0.0 if left_by == "deadline" else NEVER
    ticket = Ticket(tensor(1), past, lambda: left_by != "client")
    cancelled = left_by == "cancel" and ticket.answer.cancel()
    assert not ticket.claim()
    assert not ticket.answer.cancel() or cancelled
    assert ticket.answer.done()


def test_close_answers_what_waits_and_refuses_what_comes(batcher, held, pool):
    keep_busy(batcher, held, pool)
    waiting = pool.submit(batcher.run, tensor(5), NEVER)
    wait_for(batcher, 1)
    closing = pool.submit(batcher.close)
    held.go.set()
    assert waiting.result()[0, 0] == 5
    closing.result()
    with pytest.raises(NotReady):
        batcher.run(tensor(1), NEVER)


class SideBySide:
    """An `infer` whose calls wait until `count` of them are inside at once."""

    def __init__(self, count):
        self.all_inside = threading.Barrier(count, timeout=10)

    def __call__(self, tensors):
        self.all_inside.wait()
        return [tensor.mean(axis=0) for tensor in tensors]


def test_each_thread_takes_the_next_image_while_the_others_compute(pool):
    batcher = Batcher(SideBySide(3), threads=3)
    jobs = [pool.submit(batcher.run, tensor(value), NEVER) for value in (1, 2, 3)]
    assert [job.result()[0, 0] for job in jobs] == [1, 2, 3]
    assert batcher.most_at_once == 3
    batcher.close()
    assert not any(thread.is_alive() for thread in batcher._threads)


def test_a_free_thread_does_not_wait_for_a_slow_one(pool):
    slow = threading.Event()

    def infer(tensors):
        if tensors[0].flat[0] == 1:
            assert slow.wait(10)
        return [tensor.mean(axis=0) for tensor in tensors]

    batcher = Batcher(infer, threads=2)
    held = pool.submit(batcher.run, tensor(1), NEVER)
    others = [pool.submit(batcher.run, tensor(value), NEVER).result(5) for value in (2, 3, 4)]
    assert [one[0, 0] for one in others] == [2, 3, 4]
    assert not held.done()
    slow.set()
    assert held.result()[0, 0] == 1
    batcher.close()


def test_one_hung_thread_of_several_is_a_failure(held, pool):
    batcher = Batcher(held, max_pass_s=0.05, threads=2)
    keep_busy(batcher, held, pool)
    limit = time.monotonic() + 5
    while batcher.failure() is None:
        assert time.monotonic() < limit
        threading.Event().wait(0.01)
    assert "has not answered" in batcher.failure()
    with pytest.raises(NotReady):
        batcher.run(tensor(1), NEVER)
    held.go.set()
    batcher.close()

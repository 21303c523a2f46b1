"""Who is let into the service, and whose pixels may be in memory at once."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from cutout.admission import AnswerSpool, ByteLimit, ConcurrencyLimit, QueueLimit, Throughput
from cutout.errors import DeadlinePassed, Overloaded

NEVER = float("inf")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def finish_one(limit, clock, seconds, pixels=1):
    """Let one image through that takes so long."""
    with limit.admit(pixels):
        clock.now += seconds


def test_images_are_counted():
    limit = QueueLimit(2, 100)
    with limit.admit(10**6), limit.admit(10**6), pytest.raises(Overloaded), limit.admit(1):
        pass
    with limit.admit(1):
        assert (limit.inside, limit.refused) == (1, 1)


def test_megapixels_are_counted_but_a_single_large_image_is_let_in():
    limit = QueueLimit(10, 20)
    with limit.admit(50_000_000), pytest.raises(Overloaded), limit.admit(1_000_000):
        pass
    with limit.admit(15_000_000), limit.admit(5_000_000):
        assert limit.inside == 2


def test_an_image_that_would_be_too_late_is_refused(clock):
    limit = QueueLimit(100, 1000, max_expected_wait_s=10)
    finish_one(limit, clock, 4)
    with limit.admit(1), limit.admit(1):
        with pytest.raises(Overloaded), limit.admit(1):
            pass
        with pytest.raises(Overloaded):
            limit.refuse_early()
    limit.refuse_early()
    assert limit.refused == 2


def test_those_refused_together_are_told_different_times(clock):
    """Two images of four seconds each are inside: all of it has left in 8 seconds."""
    random.seed(1)
    limit = QueueLimit(2, 1000)
    finish_one(limit, clock, 4)
    times = []
    with limit.admit(1), limit.admit(1):
        for _ in range(50):
            with pytest.raises(Overloaded) as refused:
                limit.refuse_early()
            times.append(refused.value.retry_after)
    assert set(times) == {3, 4, 5, 6, 7, 8}


def test_idle_time_and_failed_images_do_not_count(clock):
    limit = QueueLimit(100, 1000)
    finish_one(limit, clock, 2)
    clock.now += 500
    finish_one(limit, clock, 2)
    with pytest.raises(ValueError), limit.admit(1):
        clock.now += 100
        raise ValueError
    with limit.admit(1):
        assert limit.expected_wait_s(0) == pytest.approx(4, rel=0.01)


def test_an_empty_service_takes_an_image_however_slow_the_last_one_was(clock):
    limit = QueueLimit(100, 1000, max_expected_wait_s=1)
    finish_one(limit, clock, 50)
    with limit.admit(1):
        assert limit.inside == 1


def test_large_slow_images_do_not_close_the_queue_for_small_ones(clock):
    """Six images of 49 megapixels, three seconds each; then twenty of a tenth of a megapixel."""
    limit = QueueLimit(64, 1000, max_expected_wait_s=24)
    for _ in range(6):
        finish_one(limit, clock, 3, pixels=49_000_000)
    with ExitStack() as inside:
        for _ in range(20):
            inside.enter_context(limit.admit(100_000))
        assert limit.inside == 20


def test_an_estimate_given_at_start_refuses_before_anything_has_finished():
    limit = QueueLimit(64, 1000, max_expected_wait_s=24, throughput=Throughput(0.1))
    with ExitStack() as inside:
        for _ in range(15):
            inside.enter_context(limit.admit(12_000_000))
        with pytest.raises(Overloaded):
            inside.enter_context(limit.admit(12_000_000))


def test_concurrency_is_bounded_and_the_order_of_arrival_is_kept(pool):
    limit, order, most = ConcurrencyLimit(1, 100), [], []

    def enter(number):
        with limit.enter(1_000_000, NEVER):
            order.append(number)
            most.append(limit._inside)

    with limit.enter(1, NEVER):
        jobs = []
        for number in range(8):
            jobs.append(pool.submit(enter, number))
            wait_until(lambda number=number: len(limit._waiting) > number)
    for job in jobs:
        job.result()
    assert order == list(range(8))
    assert max(most) == 1


def wait_until(true):
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_waiting_ends_at_the_deadline_and_the_next_one_is_let_in():
    limit = ConcurrencyLimit(1, 100)
    with (
        limit.enter(1, NEVER),
        pytest.raises(DeadlinePassed),
        limit.enter(1, time.monotonic() + 0.02),
    ):
        pass
    with limit.enter(1, NEVER) as waited:
        assert waited < 1


def test_clients_take_turns_for_what_is_worked_on(pool):
    """Six requests of one client, then one of another: it is the second to go in."""
    limit, order = ConcurrencyLimit(1, 100), []

    def enter(client):
        with limit.enter(1, NEVER, client):
            order.append(client)

    with limit.enter(1, NEVER):
        jobs = []
        for number, client in enumerate("aaaaaab"):
            jobs.append(pool.submit(enter, client))
            wait_until(lambda number=number: len(limit._waiting) > number)
    for job in jobs:
        job.result()
    assert "".join(order) == "abaaaaa"


def test_bytes_are_bounded_but_a_single_request_may_need_more(pool):
    limit = ConcurrencyLimit(10, 100)
    with (
        limit.enter(60, NEVER),
        limit.enter(40, NEVER),
        pytest.raises(DeadlinePassed),
        limit.enter(1, time.monotonic() + 0.01),
    ):
        pass
    with limit.enter(1000, NEVER):
        pass


def test_the_last_places_are_for_those_who_have_none(clock):
    """One client fills the queue; another was refused, and comes first from then on."""
    limit = QueueLimit(8, 1000)
    with ExitStack() as inside:
        places = [inside.enter_context(ExitStack()) for _ in range(8)]
        for place in places:
            place.enter_context(limit.admit(1, "greedy"))
        with pytest.raises(Overloaded), limit.admit(1, "patient"):
            pass
        places.pop().close()
        with pytest.raises(Overloaded), limit.admit(1, "greedy"):
            pass
        with limit.admit(1, "patient"):
            assert limit.inside == 8
        inside.enter_context(limit.admit(1, "greedy"))


def test_places_are_not_kept_for_those_who_never_come_back(clock):
    limit = QueueLimit(8, 1000)
    with ExitStack() as inside:
        places = [inside.enter_context(ExitStack()) for _ in range(8)]
        for place in places:
            place.enter_context(limit.admit(1, "greedy"))
        with pytest.raises(Overloaded), limit.admit(1, "gone"):
            pass
        places.pop().close()
        clock.now += 60
        inside.enter_context(limit.admit(1, "greedy"))
        assert limit.inside == 8


def test_held_bytes_are_bounded_and_given_back():
    limit = ByteLimit(100)
    limit.take(500)
    with pytest.raises(Overloaded):
        limit.take(1)
    limit.give_back(500)
    limit.take(60, "one")
    limit.take(40, "other")
    with pytest.raises(Overloaded):
        limit.take(1, "third")
    assert limit.held == 100


def test_one_client_leaves_a_quarter_of_the_bytes_to_others():
    limit = ByteLimit(100)
    limit.take(50, "greedy")
    limit.take(25, "greedy")
    with pytest.raises(Overloaded):
        limit.take(1, "greedy")
    with limit.hold(25, "other"):
        assert limit.held == 100
    limit.give_back(75, "greedy")
    limit.take(75, "greedy")


def test_answers_beyond_the_memory_for_them_lie_on_disk_and_are_the_same():
    spool = AnswerSpool(100)
    data = [bytes([number]) * 70 for number in range(3)]
    answers = [spool.put(one) for one in data]
    assert spool.limit.held == 70
    assert [b"".join(one) for one in answers] == data
    answers[0].close()
    assert spool.limit.held == 0
    answers.append(spool.put(data[0]))
    assert spool.limit.held == 70
    # As where a client leaves before an answer is begun.
    answers.clear()
    assert spool.limit.held == 0

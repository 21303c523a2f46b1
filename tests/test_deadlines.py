"""Deadlines reach those who ask another machine."""

import time

import numpy as np
import pytest

from cutout import deadlines
from cutout.batching import Batcher


def test_without_deadlines_everything_has_the_most():
    assert deadlines.seconds_left(2, most=5) == [5, 5]


def test_what_is_left_is_counted_for_each_input():
    now = time.monotonic()
    with deadlines.pass_on([now + 100, now - 1, now + 3]):
        assert deadlines.seconds_left(3, most=50) == [50, 0, pytest.approx(3, abs=0.5)]
        assert deadlines.seconds_left(2, most=50) == [50, 50]
    assert deadlines.seconds_left(3, most=50) == [50, 50, 50]


def test_a_batcher_passes_on_the_deadlines_of_its_batch():
    seen = []

    def infer(tensors):
        seen.append(deadlines.seconds_left(len(tensors), most=1000))
        return [tensor[0] for tensor in tensors]

    batcher = Batcher(infer)
    batcher.run(np.zeros((3, 4, 4), np.float32), deadline=time.monotonic() + 60)
    batcher.close()
    assert seen == [[pytest.approx(60, abs=5)]]

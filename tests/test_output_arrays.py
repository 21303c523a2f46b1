"""Steps that write into an array of the caller: the input itself, or another one."""

import numpy as np
import pytest

from cutout.matting.foreground import decontaminate
from cutout.refine.edges import snap_edges


def gradient():
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 255, (80, 90, 3), np.uint8)
    return rgb, np.linspace(0, 1, 80 * 90, dtype=np.float32).reshape(80, 90)


# The place of the input that the result replaces: colours or alpha.
STEPS = pytest.mark.parametrize("step, place", [(decontaminate, 0), (snap_edges, 1)])


@STEPS
def test_the_input_itself_may_be_the_output(step, place):
    inputs = gradient()
    expected = step(*inputs)
    assert step(*inputs, out=inputs[place]) is inputs[place]
    np.testing.assert_array_equal(inputs[place], expected)


@STEPS
@pytest.mark.parametrize("value", [None, 1])
def test_another_output_array_is_filled_outside_the_band_too(step, place, value):
    rgb, alpha = gradient()
    alpha = alpha if value is None else np.full_like(alpha, value)
    expected, out = step(rgb, alpha), np.zeros_like((rgb, alpha)[place])
    assert step(rgb, alpha, out=out) is out
    np.testing.assert_array_equal(out, expected)

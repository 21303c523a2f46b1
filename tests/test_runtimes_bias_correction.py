"""Corrected biases: the mean of an 8-bit convolution's channels stays that of the fp32 one."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cutout.runtimes import graphs
from cutout.runtimes.bias_correction import correct_biases
from cutout.runtimes.calibrate import copied, measure_ranges
from cutout.runtimes.quantise import quantise

CHANNELS, LAYERS, SIDE = 16, 4, 32


def layer(number, source, weights, name):
    """A convolution of (16, C, 3, 3) weights and a ReLU: nodes, constants, the output's name."""
    constants = [
        numpy_helper.from_array(weights, f"w{number}"),
        numpy_helper.from_array(np.full(len(weights), 0.1, np.float32), f"b{number}"),
    ]
    inputs = [source, f"w{number}", f"b{number}"]
    convolution = helper.make_node("Conv", inputs, [f"c{number}"], pads=[1] * 4, name=f"C{number}")
    return [
        convolution,
        helper.make_node("Relu", [f"c{number}"], [name], name=f"R{number}"),
    ], constants


@pytest.fixture(scope="module")
def network():
    """Four layers of heavy-tailed weights, most of which seven bits round coarsely."""
    rng = np.random.default_rng(0)
    nodes, constants, source = [], [], graphs.INPUT
    for number in range(LAYERS):
        shape = (CHANNELS, CHANNELS if number else 3, 3, 3)
        weights = np.float32(rng.standard_t(2, shape) / np.prod(shape[1:]))
        name = graphs.OUTPUT if number == LAYERS - 1 else f"r{number}"
        more, values = layer(number, source, weights, name)
        nodes, constants, source = nodes + more, constants + values, name
    shapes = [(graphs.INPUT, 3), (graphs.OUTPUT, CHANNELS)]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", count, "height", "width"])
        for name, count in shapes
    ]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def tensors(seed, count=6):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 2, (3, SIDE, SIDE)).astype(np.float32) for _ in range(count)]


def channel_means(model, images):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    maps = [session.run(None, {graphs.INPUT: image[None]})[0] for image in images]
    return np.mean([one.mean(axis=(0, 2, 3)) for one in maps], axis=0)


def test_corrected_biases_halve_the_shift_of_the_channels_on_other_images(network):
    ranges = measure_ranges(network, tensors(0), "minmax")
    uncorrected = {key: value for key, value in ranges.items() if key != "bias_corrections"}
    images = tensors(1)
    expected = channel_means(network, images)
    before, after = (
        np.abs(channel_means(quantise(copied(network), one), images) - expected).mean()
        for one in (uncorrected, ranges)
    )
    assert after < 0.5 * before


def test_nodes_in_fp32_keep_their_bias(network):
    model = copied(network)
    correct_biases(model, {"b0": [1.0] * CHANNELS, "b1": [1.0] * CHANNELS}, ["C0"])
    biases = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    np.testing.assert_allclose(biases["b0"], 0.1)
    np.testing.assert_allclose(biases["b1"], 1.1)

"""Corrects what rounding the weights to 8 bits does to the mean of each channel.

Rounded weights shift a convolution's output by a constant on average, and the shifts of a hundred
layers add up to most of the error of an 8-bit map. Added to the biases they cost no time. Nagel et
al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, with
means that were measured instead of those of batch norm.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    # Imported inside the functions: most starts find a graph in the cache.
    from onnx import ModelProto

# What onnxruntime's quantiser appends to the name of a weight.
QUANTISED, SCALE = "_quantized", "_scale"


def bias_corrections(
    model: "ModelProto", quantised: "ModelProto", means: dict[str, np.ndarray]
) -> dict[str, list[float]]:
    """What to add to the bias of each convolution, name of the bias -> one number a channel.

    model: in fp32; quantised: the same in 8 bits, without corrections. means: name of a tensor
    (1, C, H, W) that a convolution reads -> mean of each channel (C,). Convolutions that stay in
    fp32, have no bias or are grouped need or get none.
    """
    weights, rounded = _constants(model), _constants(quantised)
    corrections = {}
    for node in convolutions(model):
        weight, mean = weights[node.input[1]], means[node.input[0]]
        name = node.input[1] + QUANTISED
        if name not in rounded or weight.shape[1] != len(mean):
            continue
        scale = rounded[node.input[1] + SCALE].reshape(-1, 1, 1, 1)
        change = (rounded[name] * scale - weight).sum(axis=(2, 3)) @ mean
        corrections[node.input[2]] = [float(-shift) for shift in change]
    return corrections


def correct_biases(
    model: "ModelProto", corrections: dict[str, list[float]], keep_fp32: list[str]
) -> None:
    """Add the corrections to the biases of a model, except of nodes that stay in fp32."""
    from onnx import numpy_helper

    constants = {item.name: item for item in model.graph.initializer}
    for node in convolutions(model):
        name = node.input[2]
        if name in corrections and node.name not in keep_fp32:
            bias = numpy_helper.to_array(constants[name]) + np.array(corrections[name], np.float32)
            constants[name].CopyFrom(numpy_helper.from_array(bias, name))


def convolutions(model: "ModelProto") -> list[Any]:
    """The convolutions of a graph that have a bias."""
    return [node for node in model.graph.node if node.op_type == "Conv" and len(node.input) == 3]


def _constants(model: "ModelProto") -> dict[str, np.ndarray]:
    from onnx import numpy_helper

    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}

"""Measures the activation ranges that an 8-bit graph needs.

The lowest and highest value of every tensor are measured on each image and combined, and the mean
of every channel that a convolution reads, from which biases are corrected.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cutout.runtimes import graphs
from cutout.runtimes.bias_correction import bias_corrections, convolutions
from cutout.runtimes.quantise import Ranges, quantise

if TYPE_CHECKING:
    from onnx import ModelProto

# Concatenated maps share one scale of 256 steps. Beyond this ratio the smaller one has fewer than
# 26 of them: u2netp concatenates maps of up to 228 and 18, and loses the subject in 8 bits.
MAX_RATIO = 10.0
QUANTISED_OPS = {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Add"}
METHODS: dict[str, Callable[[np.ndarray], tuple[float, float]]] = {
    "minmax": lambda found: (found[:, 0].min(), found[:, 1].max()),
    "mean": lambda found: (found[:, 0].mean(), found[:, 1].mean()),
    "p95": lambda found: (np.percentile(found[:, 0], 5), np.percentile(found[:, 1], 95)),
}


def measure_ranges(
    model: "ModelProto", tensors: Iterable[np.ndarray], method: str = "mean"
) -> Ranges:
    """Ranges of a simplified graph; the graph is not changed.

    tensors: (3, S, S) float32 each. method: a name of METHODS.
    """
    extremes, means, images = observe(model, tensors)
    found = {name: METHODS[method](values) for name, values in extremes.items()}
    tensor_ranges = {name: [float(low), float(high)] for name, (low, high) in found.items()}
    ranges: Ranges = {
        "tensors": tensor_ranges,
        "keep_fp32": nodes_in_fp32(model, tensor_ranges),
        "method": method,
        "images": images,
    }
    ranges["bias_corrections"] = bias_corrections(model, quantise(copied(model), ranges), means)
    return ranges


def observe(
    model: "ModelProto", tensors: Iterable[np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], int]:
    """Lowest and highest value of each tensor on each image, name -> (images, 2); mean of each
    channel that a convolution reads, name -> (C,); images.
    """
    import onnxruntime

    observed = copied(model)
    names = tensors_to_observe(observed)
    read = list(dict.fromkeys(node.input[0] for node in convolutions(observed)))
    add_extremes(observed, names)
    add_means(observed, read)
    session = onnxruntime.InferenceSession(
        observed.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    wanted = [f"{name}_{end}" for name in names for end in ("low", "high")]
    rows: list[np.ndarray] = []
    sums: list[np.ndarray] = [np.zeros(1)] * len(read)
    for tensor in tensors:
        found = session.run(
            [*wanted, *(f"{name}_mean" for name in read)], {graphs.INPUT: tensor[None]}
        )
        rows.append(np.array(found[: len(wanted)], np.float32).reshape(-1, 2))
        sums = [total + mean for total, mean in zip(sums, found[len(wanted) :], strict=True)]
    means = {name: total / len(rows) for name, total in zip(read, sums, strict=True)}
    return dict(zip(names, np.stack(rows, 1), strict=True)), means, len(rows)


def copied(model: "ModelProto") -> "ModelProto":
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def tensors_to_observe(model: "ModelProto") -> list[str]:
    """Names of the input and of the outputs of every node that may run in 8 bits."""
    outputs = [node.output[0] for node in model.graph.node if node.op_type in QUANTISED_OPS]
    return [graphs.INPUT, *outputs]


def add_extremes(model: "ModelProto", names: list[str]) -> None:
    """Add minimum and maximum of each tensor as outputs; whole activations would be large."""
    from onnx import helper

    for name in names:
        for operator, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
            output = f"{name}_{end}"
            model.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(output, 1, []))


def add_means(model: "ModelProto", names: list[str]) -> None:
    """Add the mean of each channel (C,) of each tensor (1, C, H, W) as outputs."""
    from onnx import helper

    for name in names:
        output = f"{name}_mean"
        node = helper.make_node("ReduceMean", [name], [output], axes=[0, 2, 3], keepdims=0)
        model.graph.node.append(node)
        model.graph.output.append(helper.make_tensor_value_info(output, 1, [None]))


def nodes_in_fp32(model: "ModelProto", ranges: dict[str, list[float]]) -> list[str]:
    """Names of the nodes that 8 bits would spoil, without duplicates."""
    return list(dict.fromkeys([*unequal_concats(model, ranges), *output_nodes(model)]))


def output_nodes(model: "ModelProto") -> list[str]:
    """Names of the nodes that join side outputs of one channel into the scores.

    These are logits: in 8 bits, on the scale of the widest, those of u2net have steps of half a
    unit, which the outline shows. The maps are so thin that fp32 costs nothing. Empty for a graph
    that ends otherwise.
    """
    makers = {output: node for node in model.graph.node for output in node.output}
    channels = {item.name: list(item.dims)[1:2] for item in model.graph.initializer}
    convolution = makers[model.graph.output[0].name]
    if convolution.op_type == "Sigmoid":
        convolution = makers[convolution.input[0]]
    concat = makers.get(convolution.input[0])
    if convolution.op_type != "Conv" or concat is None or concat.op_type != "Concat":
        return []
    if channels[convolution.input[1]] != [len(concat.input)]:
        return []
    before = [makers[name] for name in concat.input if name in makers]
    resizes = [node.name for node in before if node.op_type == "Resize"]
    return [convolution.name, concat.name, *resizes]


def unequal_concats(model: "ModelProto", ranges: dict[str, list[float]]) -> list[str]:
    """Names of concats whose inputs' ranges differ too much, and of the convolutions after them."""
    nodes: list[Any] = list(model.graph.node)
    names = []
    for concat in (node for node in nodes if node.op_type == "Concat"):
        # Some inputs are no outputs of nodes that run in 8 bits.
        known = [ranges[name] for name in concat.input if name in ranges]
        largest = [max(-low, high) for low, high in known]
        if largest and max(largest) > MAX_RATIO * min(largest):
            readers = [n.name for n in nodes if n.op_type == "Conv" and concat.output[0] in n.input]
            names += [concat.name, *readers]
    return names


def ranges_json(ranges: Ranges) -> str:
    """The file's text, one line for each tensor: its range, in six digits; corrections in three."""
    facts = {key: value for key, value in ranges.items() if not isinstance(value, dict)}
    order = ("method", "images", "keep_fp32")
    head = [f"{json.dumps(key)}: {json.dumps(facts[key])}" for key in order]
    tensors = [
        f'"{key}": [{low:.6g}, {high:.6g}]' for key, (low, high) in ranges["tensors"].items()
    ]
    biases = [
        f'"{key}": [{", ".join(f"{shift:.3g}" for shift in shifts)}]'
        for key, shifts in ranges.get("bias_corrections", {}).items()
    ]
    tables = {"bias_corrections": biases, "tensors": tensors}
    texts = [f'"{name}": {{\n' + ",\n".join(lines) + "\n}" for name, lines in tables.items()]
    return "{" + ",\n".join([*head, *texts]) + "}\n"

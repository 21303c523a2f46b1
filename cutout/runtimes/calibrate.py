"""Measures the activation ranges that an 8-bit graph needs.

The lowest and highest value of every tensor are measured on each image and combined.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cutout.runtimes import graphs
from cutout.runtimes.quantise import Ranges

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
    extremes, images = observe(model, tensors)
    ranges = {name: METHODS[method](found) for name, found in extremes.items()}
    tensor_ranges = {name: [float(low), float(high)] for name, (low, high) in ranges.items()}
    return {
        "tensors": tensor_ranges,
        "keep_fp32": unequal_concats(model, tensor_ranges),
        "method": method,
        "images": images,
    }


def observe(
    model: "ModelProto", tensors: Iterable[np.ndarray]
) -> tuple[dict[str, np.ndarray], int]:
    """Lowest and highest value of each tensor on each image, name -> (images, 2); images."""
    import onnxruntime
    from onnx import ModelProto

    observed = ModelProto()
    observed.CopyFrom(model)
    names = tensors_to_observe(observed)
    add_extremes(observed, names)
    session = onnxruntime.InferenceSession(
        observed.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    wanted = [f"{name}_{end}" for name in names for end in ("low", "high")]
    rows = [
        np.array(session.run(wanted, {graphs.INPUT: tensor[None]}), np.float32).reshape(-1, 2)
        for tensor in tensors
    ]
    return dict(zip(names, np.stack(rows, 1), strict=True)), len(rows)


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
    """The file's text, one line for each tensor: its range, in six digits."""
    facts = {key: value for key, value in ranges.items() if key != "tensors"}
    order = ("method", "images", "keep_fp32")
    head = [f"{json.dumps(key)}: {json.dumps(facts[key])}" for key in order]
    lines = [f'"{key}": [{low:.6g}, {high:.6g}]' for key, (low, high) in ranges["tensors"].items()]
    return "{" + ",\n".join(head) + ',\n"tensors": {\n' + ",\n".join(lines) + "\n}}\n"

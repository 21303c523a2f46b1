"""The graph that a model server runs: 8-bit images in, scores out; see `remote_tensors`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cutout.runtimes.graphs import INPUT, OUTPUT
from cutout.runtimes.remote_tensors import SCORE_LEVELS

Triple = tuple[float, float, float]
LEVELS, BOX, ANSWER = "levels", "box", "answer"


def with_normalisation(data: bytes, mean: Triple, std: Triple, unit_scores: bool) -> bytes:
    """A derived graph with `processing.prepare`'s normalisation before it.

    Inputs: `levels` (N, 3, S, S) uint8, `box` (N, 4) int32. Output: `answer` (N, S, S), uint16 if
    unit_scores (the model's scores lie in [0, 1]), else float32.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(data)
    graph = model.graph
    constants, nodes = _normalise(mean, std)
    tail_constants, tail = _answer(unit_scores)
    all_nodes = [*nodes, *graph.node, *tail]
    del graph.node[:]
    graph.node.extend(all_nodes)
    graph.initializer.extend(constants + tail_constants)
    del graph.input[:], graph.output[:]
    side = ["batch", 3, "height", "width"]
    graph.input.append(helper.make_tensor_value_info(LEVELS, TensorProto.UINT8, side))
    graph.input.append(helper.make_tensor_value_info(BOX, TensorProto.INT32, ["batch", 4]))
    kind = TensorProto.UINT16 if unit_scores else TensorProto.FLOAT
    graph.output.append(helper.make_tensor_value_info(ANSWER, kind, ["batch", "height", "width"]))
    onnx.checker.check_model(model)
    result: bytes = model.SerializeToString()
    return result


def _constant(name: str, values: Any, kind: type) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values, kind), f"remote_{name}")


def _normalise(mean: Triple, std: Triple) -> tuple[list[Any], list[Any]]:
    """Levels and box to the network's own input: by the brightest level, mean, deviation."""
    from onnx import TensorProto, helper

    constants = [
        _constant("mean", np.reshape(mean, (1, 3, 1, 1)), np.float32),
        _constant("std", np.reshape(std, (1, 3, 1, 1)), np.float32),
        _constant("tiny", 1e-6, np.float32),
        _constant("zero", 0, np.int64),
        _constant("one", 1, np.int64),
        _constant("two", 2, np.int64),
        _constant("three", 3, np.int64),
        _constant("column", [-1, 1, 1, 1], np.int64),
        _constant("down", [1, 1, -1, 1], np.int64),
        _constant("across", [1, 1, 1, -1], np.int64),
    ]

    def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
        names = [
            name if name in (LEVELS, BOX, INPUT) else f"remote_{name}" for name in inputs.split()
        ]
        target = output if output == INPUT else f"remote_{output}"
        return helper.make_node(kind, names, [target], name=f"remote_{kind}_{target}", **attributes)

    nodes = [
        node("Cast", LEVELS, "float", to=TensorProto.FLOAT),
        node("Cast", BOX, "place", to=TensorProto.INT64),
        node("Shape", LEVELS, "shape"),
    ]
    nodes += _inside(node)
    nodes += [
        node("And", "rows_inside columns_inside", "inside"),
        node("Cast", "inside", "weight", to=TensorProto.FLOAT),
        node("Mul", "float weight", "shown"),
        node("ReduceMax", "shown", "brightest", axes=[1, 2, 3], keepdims=1),
        node("Max", "brightest tiny", "divisor"),
        node("Div", "shown divisor", "unit"),
        node("Sub", "unit mean", "centred"),
        node("Div", "centred std", "normal"),
        node("Mul", "normal weight", INPUT),
    ]
    return constants, nodes


def _inside(node: Callable[..., Any]) -> list[Any]:
    """Whether each row and each column lies in the box: `rows_inside`, `columns_inside`."""
    nodes = []
    for axis, first, extent, shape_at, form in (
        ("rows", "zero", "two", "two", "down"),
        ("columns", "one", "three", "three", "across"),
    ):
        nodes += [
            node("Gather", f"shape {shape_at}", f"{axis}_count", axis=0),
            node("Range", f"zero {axis}_count one", f"{axis}_flat"),
            node("Reshape", f"{axis}_flat {form}", axis),
            node("Gather", f"place {first}", f"{axis}_first_flat", axis=1),
            node("Reshape", f"{axis}_first_flat column", f"{axis}_first"),
            node("Gather", f"place {extent}", f"{axis}_extent_flat", axis=1),
            node("Reshape", f"{axis}_extent_flat column", f"{axis}_extent"),
            node("Add", f"{axis}_first {axis}_extent", f"{axis}_end"),
            node("GreaterOrEqual", f"{axis} {axis}_first", f"{axis}_after"),
            node("Less", f"{axis} {axis}_end", f"{axis}_before"),
            node("And", f"{axis}_after {axis}_before", f"{axis}_inside"),
        ]
    return nodes


def _answer(unit_scores: bool) -> tuple[list[Any], list[Any]]:
    """The scores without their channel, in 16 bits where they lie in [0, 1]."""
    from onnx import TensorProto, helper

    constants = [_constant("channel", [1], np.int64)]
    if not unit_scores:
        return constants, [helper.make_node("Squeeze", [OUTPUT, "remote_channel"], [ANSWER])]
    constants += [
        _constant("low", 0, np.float32),
        _constant("high", 1, np.float32),
        _constant("levels", SCORE_LEVELS, np.float32),
    ]
    steps = [
        ("Clip", [OUTPUT, "remote_low", "remote_high"], "remote_clipped", {}),
        ("Mul", ["remote_clipped", "remote_levels"], "remote_scaled", {}),
        ("Round", ["remote_scaled"], "remote_rounded", {}),
        ("Squeeze", ["remote_rounded", "remote_channel"], "remote_flat", {}),
        ("Cast", ["remote_flat"], ANSWER, {"to": TensorProto.UINT16}),
    ]
    nodes = [helper.make_node(kind, names, [target], **rest) for kind, names, target, rest in steps]
    return constants, nodes

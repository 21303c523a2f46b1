"""Turns a published ONNX file into the graph that the engines load.

The published U²-Net graph has a fixed batch of 1, seven outputs of which six are unused, and 38
resizes whose target sizes are computed by a thousand small nodes. The new graph takes
any batch and any size that is a multiple of 32, and has one output, constant scales, opset 17.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cutout.runtimes.quantise import Ranges, quantise

if TYPE_CHECKING:
    # Imported inside the functions, which run only where no graph is in the cache yet.
    from onnx import GraphProto, ModelProto

Kind = Literal["fp32", "fp16", "int8"]

# To be raised whenever the steps here or in `quantise` change what they write.
GRAPH_VERSION = 2
OPSET = 17
INPUT, OUTPUT = "tensor", "scores"


def build(weights: Path, kind: Kind, ranges: Ranges | None = None) -> bytes:
    """The graph of one kind, serialised.

    ranges: what `quantise` takes; needed for "int8", ignored for the others.
    """
    model = simplify(weights)
    if kind == "fp16":
        model = to_fp16(model)
    elif kind == "int8":
        if ranges is None:
            raise ValueError("an int8 graph needs activation ranges")
        model = quantise(model, ranges)
    data: bytes = model.SerializeToString()
    return data


def simplify(weights: Path) -> "ModelProto":
    """The fp32 graph that all others start from."""
    model = fold_constants(weights)
    keep_first_output(model)
    use_constant_scales(model)
    make_shapes_dynamic(model)
    model = convert_opset(model)
    drop_vendor_opsets(model)
    return model


def fold_constants(weights: Path) -> "ModelProto":
    """Let onnxruntime fold constants: at a fixed size every resize target is one."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Errors only: it warns that a saved graph fits this machine alone, but basic optimisations do
    # not depend on the machine.
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def keep_first_output(model: "ModelProto") -> None:
    """Drop the side outputs and every node that only they need; name input and output."""
    graph = model.graph
    rename(graph, graph.input[0].name, INPUT)
    rename(graph, graph.output[0].name, OUTPUT)
    del graph.output[1:]
    needed, nodes = {OUTPUT}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    initializers = [item for item in graph.initializer if item.name in needed]
    set_field(graph.node, reversed(nodes))
    set_field(graph.initializer, initializers)


def rename(graph: "GraphProto", old: str, new: str) -> None:
    """Rename one tensor wherever it is an output, an input, or declared."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new


def set_field(field: Any, items: Iterable[Any]) -> None:
    """Set a repeated protobuf field."""
    items = list(items)
    del field[:]
    field.extend(items)


def use_constant_scales(model: "ModelProto") -> None:
    """Give each resize a constant scale instead of a constant size: batch and size are free."""
    from onnx import helper, numpy_helper, shape_inference

    graph = model.graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in shape_inference.infer_shapes(model).graph.value_info
    }
    constants = {item.name: item for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4:
            sizes = numpy_helper.to_array(constants[node.input[3]])
            scales = [
                float(new / old) for new, old in zip(sizes, shapes[node.input[0]], strict=True)
            ]
            # Not the node's name: exporters may leave it empty.
            name = f"{node.output[0]}_scales"
            graph.initializer.append(helper.make_tensor(name, 1, [4], scales))
            node.input[:] = [node.input[0], "", name]
    used = {name for node in graph.node for name in node.input}
    set_field(graph.initializer, [item for item in graph.initializer if item.name in used])


def make_shapes_dynamic(model: "ModelProto") -> None:
    """Declare batch, height and width as symbols."""
    del model.graph.value_info[:]
    for value, channels in ((model.graph.input[0], 3), (model.graph.output[0], 1)):
        dims = value.type.tensor_type.shape.dim
        for dim, symbol in zip(dims, ("batch", None, "height", "width"), strict=True):
            dim.Clear()
            if symbol:
                dim.dim_param = symbol
            else:
                dim.dim_value = channels


def convert_opset(model: "ModelProto") -> "ModelProto":
    """The same graph in opset OPSET.

    The weights are taken out meanwhile: the converter copies them many times.
    """
    from onnx import helper, version_converter

    graph = model.graph
    weights = [item for item in graph.initializer if len(item.dims) > 1]
    small = [item for item in graph.initializer if len(item.dims) <= 1]
    set_field(graph.initializer, small)
    inputs = [helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in weights]
    graph.input.extend(inputs)
    model = version_converter.convert_version(model, OPSET)
    del model.graph.input[1:]
    model.graph.initializer.extend(weights)
    return model


def drop_vendor_opsets(model: "ModelProto") -> None:
    """Drop onnxruntime's own opsets: it lists them in every file, other engines refuse them."""
    set_field(model.opset_import, [item for item in model.opset_import if item.domain == ""])
    model.ir_version = 8


def to_fp16(model: "ModelProto") -> "ModelProto":
    """The graph in half precision, with input and output in single precision."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)

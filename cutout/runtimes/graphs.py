"""What becomes of the published weights before an engine sees them.

The published U²-Net graph has a fixed batch of 1, seven outputs of which six are unused, and 38
resizes whose target sizes are computed by a thousand small nodes. Here it becomes: any batch, any
size that is a multiple of 32, one output, constant scales, opset 17.
"""

import tempfile
from pathlib import Path
from typing import Literal

from cutout.runtimes.quantise import quantise

Kind = Literal["fp32", "fp16", "int8"]

# Raise it whenever the steps here or in `quantise` change what they write.
GRAPH_VERSION = 2
OPSET = 17
INPUT, OUTPUT = "tensor", "scores"


def build(weights: Path, kind: Kind, ranges: dict | None = None) -> bytes:
    """The graph of one kind, serialised.

    ranges: what `quantise` takes, for "int8".
    """
    model = simplified(weights)
    if kind == "fp16":
        model = to_fp16(model)
    elif kind == "int8":
        model = quantise(model, ranges)
    return model.SerializeToString()


def simplified(weights: Path):
    """The fp32 graph that all others start from."""
    model = fold_constants(weights)
    keep_first_output(model)
    scale_resizes(model)
    free_shapes(model)
    model = convert_opset(model)
    keep_plain_opset(model)
    return model


def fold_constants(weights: Path):
    """Constants computed by onnxruntime: at a fixed size every resize target becomes one."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # It warns that the saved graph suits this machine only; basic optimisations are portable.
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def keep_first_output(model) -> None:
    """Drop the side outputs and every node that only they need; name input and output."""
    graph = model.graph
    rename(graph, graph.input[0].name, INPUT)
    rename(graph, graph.output[0].name, OUTPUT)
    del graph.output[1:]
    needed, kept = {OUTPUT}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    initializers = [item for item in graph.initializer if item.name in needed]
    replace(graph.node, reversed(kept))
    replace(graph.initializer, initializers)


def rename(graph, old: str, new: str) -> None:
    """Rename one tensor wherever it is made, taken, or declared."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new


def replace(field, items) -> None:
    """Set a repeated protobuf field."""
    items = list(items)
    del field[:]
    field.extend(items)


def scale_resizes(model) -> None:
    """Constant sizes become constant scales, so that batch and picture size are free."""
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
            name = f"{node.name}_scales"
            graph.initializer.append(helper.make_tensor(name, 1, [4], scales))
            node.input[:] = [node.input[0], "", name]
    used = {name for node in graph.node for name in node.input}
    replace(graph.initializer, [item for item in graph.initializer if item.name in used])


def free_shapes(model) -> None:
    """Batch, height and width become symbols."""
    del model.graph.value_info[:]
    for value, channels in ((model.graph.input[0], 3), (model.graph.output[0], 1)):
        dims = value.type.tensor_type.shape.dim
        for dim, symbol in zip(dims, ("batch", None, "height", "width"), strict=True):
            dim.Clear()
            if symbol:
                dim.dim_param = symbol
            else:
                dim.dim_value = channels


def convert_opset(model):
    """The same graph in our opset; the weights wait outside, the converter copies them slowly."""
    from onnx import helper, version_converter

    graph = model.graph
    weights = [item for item in graph.initializer if len(item.dims) > 1]
    small = [item for item in graph.initializer if len(item.dims) <= 1]
    replace(graph.initializer, small)
    inputs = [helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in weights]
    graph.input.extend(inputs)
    model = version_converter.convert_version(model, OPSET)
    del model.graph.input[1:]
    model.graph.initializer.extend(weights)
    return model


def keep_plain_opset(model) -> None:
    """Drop onnxruntime's own opsets: listed whenever it saves, unknown to other engines."""
    replace(model.opset_import, [item for item in model.opset_import if item.domain == ""])
    model.ir_version = 8


def to_fp16(model):
    """Half precision inside, single at both ends."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)

"""Small graphs with the input and output of published models, for tests of what surrounds them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def brightness_graph(path: Path, side: int, outputs: int = 1, logits: bool = False) -> Path:
    """An ONNX file (1, 3, S, S) -> `outputs` maps (1, 1, S, S): a blurred mean of the channels.

    With resizes to constant sizes in between, as the published graphs have them. logits: the map
    is not brought into [0, 1]; it is negative where the image is dark.
    """
    weights = np.full((1, 3, 3, 3), 1 / 27, np.float32)
    sizes = np.array([1, 1, side, side], np.int64)
    inner = np.array([1, 1, side // 2, side // 2], np.int64)
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["mean"], pads=[1, 1, 1, 1]),
        helper.make_node("Resize", ["mean", "", "", "inner"], ["small"], mode="linear"),
        helper.make_node("Resize", ["small", "", "", "sizes"], ["large"], mode="linear"),
    ]
    last = "large" if logits else "unit"
    if not logits:
        nodes.append(helper.make_node("Sigmoid", ["large"], ["unit"]))
    names = [f"map{index}" for index in range(outputs)]
    nodes += [helper.make_node("Identity", [last], [name]) for name in names]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, side, side])
            for name in names
        ],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(sizes, "sizes"),
            numpy_helper.from_array(inner, "inner"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def write_own(path: Path, **fields: object) -> Path:
    """The TOML beside an ONNX file; fields replace the usual ones, None leaves one out."""
    usual = {
        "size": 64,
        "mean": [0.5, 0.5, 0.5],
        "std": [1.0, 1.0, 1.0],
        "activation": "none",
        "licence": "MIT",
    }
    lines = [
        f"{name} = {_literal(value)}"
        for name, value in (usual | fields).items()
        if value is not None
    ]
    path.with_suffix(".toml").write_text("\n".join(lines) + "\n")
    return path


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)

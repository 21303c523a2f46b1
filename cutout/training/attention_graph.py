"""Attention in the ONNX graph: nodes after the sum that ends each block.

Initializers are called `attention.encoders.0.squeeze.weight` and so on, which is how the file of
an earlier training is recognised.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cutout.training.attention import KERNEL, Attention
from cutout.training.network import U2Net

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

PREFIX = "attention."


def attention_weights(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """State of the network's attention from the initializers of a graph; empty without any."""
    found = {}
    for name, array in arrays.items():
        if name.startswith(PREFIX) and name.endswith(("weight", "bias")):
            side, number, rest = name.removeprefix(PREFIX).split(".", 2)
            found[f"{side}.{number}.attention.{rest}"] = torch.from_numpy(array)
    return found


def attentions(network: U2Net) -> list[tuple[str, Attention]]:
    """Name and module of each, in the order of the blocks; empty without attention."""
    blocks = [(f"encoders.{n}", block) for n, block in enumerate(network.encoders)]
    blocks += [(f"decoders.{n}", block) for n, block in enumerate(network.decoders)]
    return [
        (PREFIX + name, block.attention)
        for name, block in blocks
        if isinstance(block.attention, Attention)
    ]


def insert_attention(model: "ModelProto", network: U2Net) -> None:
    """Write the network's attention into the graph; nodes are added where there are none."""
    found = attentions(network)
    present = {item.name for item in model.graph.initializer}
    if found and not any(name.startswith(PREFIX) for name in present):
        sums = [node for node in model.graph.node if node.op_type == "Add"]
        for block_sum, (name, _) in zip(sums, found, strict=True):
            _insert_nodes(model.graph, block_sum, name)
    for name, module in found:
        _set_weights(model.graph, name, module)


def _set_weights(graph: "GraphProto", name: str, module: Attention) -> None:
    from onnx import numpy_helper

    places = {item.name: item for item in graph.initializer}
    values = {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for key, value in values.items():
        item = numpy_helper.from_array(value.detach().cpu().numpy().astype(np.float32), key)
        if key in places:
            places[key].CopyFrom(item)
        else:
            graph.initializer.append(item)


def _insert_nodes(graph: "GraphProto", block_sum: "NodeProto", name: str) -> None:
    """The nodes of one module between a block's sum and those who read it."""
    from onnx import numpy_helper

    result = block_sum.output[0]
    block_sum.output[0] = f"{name}.input"
    graph.initializer.append(numpy_helper.from_array(np.array(2, np.float32), f"{name}.two"))
    place = list(graph.node).index(block_sum) + 1
    for offset, node in enumerate(_nodes(name, result)):
        graph.node.insert(place + offset, node)


class _NodeList:
    """The nodes of one module, in the order of `Attention.forward`."""

    def __init__(self, name: str) -> None:
        """name: of the module; every node and value inside is called after it."""
        self.name = name
        self.nodes: list[NodeProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        node_name = f"{self.name}.node{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], node_name, **attributes))
        return output

    def conv(self, x: str, layer: str, output: str) -> str:
        """A convolution of the module, its input padded to keep its size."""
        padding = KERNEL // 2 if layer == "place" else 0
        inputs = [x, f"{self.name}.{layer}.weight", f"{self.name}.{layer}.bias"]
        return self.add("Conv", inputs, f"{self.name}.{output}", pads=[padding] * 4)

    def gate(self, x: str, scores: str, output: str) -> str:
        """X times 2 x sigmoid(scores)."""
        share = self.add("Sigmoid", [scores], f"{scores}.share")
        twice = self.add("Mul", [share, f"{self.name}.two"], f"{scores}.gate")
        return self.add("Mul", [x, twice], output)


def _nodes(name: str, result: str) -> list["NodeProto"]:
    """What `Attention.forward` does, in its order."""
    graph, x = _NodeList(name), f"{name}.input"
    weighed = []
    for pool in ("GlobalAveragePool", "GlobalMaxPool"):
        pooled = graph.add(pool, [x], f"{name}.{pool}")
        hidden = graph.conv(pooled, "squeeze", f"{pool}.hidden")
        active = graph.add("Relu", [hidden], f"{hidden}.active")
        weighed.append(graph.conv(active, "expand", f"{pool}.weights"))
    channels = graph.gate(x, graph.add("Add", weighed, f"{name}.weights"), f"{name}.channels")
    planes = [
        graph.add(operator, [channels], f"{name}.{operator}", axes=[1], keepdims=1)
        for operator in ("ReduceMean", "ReduceMax")
    ]
    both = graph.add("Concat", planes, f"{name}.planes", axis=1)
    graph.gate(channels, graph.conv(both, "place", "place.scores"), result)
    return graph.nodes

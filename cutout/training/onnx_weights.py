"""Weights from an ONNX file into the PyTorch network, and back into the same graph.

The published files have lost the names of their convolutions; their order in the graph is the
order of computation, which is also that of `U2Net.convolutions`. All U²-Nets have one topology,
so the graph of any of them takes the weights of any other, whatever their width.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from cutout.errors import ConfigurationError
from cutout.runtimes import graphs
from cutout.training.attention_graph import attention_weights, insert_attention
from cutout.training.network import LEVELS, Channels, U2Net

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

CONVOLUTIONS = 119
OUTPUT_WEIGHTS = [*(f"side{number}.weight" for number in range(6, 0, -1)), "outconv.weight"]
# Of an encoder or decoder: entry, way down, way up.
BLOCK_CONVOLUTIONS = [2 * (levels or 4) for levels in LEVELS]


def read_graph(path: Path) -> "ModelProto":
    """The graph with a free batch, one output and our opset; ConfigurationError for other nets."""
    try:
        model = graphs.simplify(path)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{path.name} cannot be read as a U²-Net; name u2net, u2netp, or a file that "
            "`cutout train` wrote."
        ) from error
    if len(body_convolutions(model)) != CONVOLUTIONS:
        raise ConfigurationError(
            f"{path.name} has {len(body_convolutions(model))} convolutions, a U²-Net has "
            f"{CONVOLUTIONS}; only U²-Net and its siblings can be trained."
        )
    return model


def body_convolutions(model: "ModelProto") -> list["NodeProto"]:
    """The convolutions without those of attention: along the blocks, side outputs 6 to 1, fusion.

    Each convolution of a block needs the one before, so every order of the graph keeps theirs.
    Side outputs hang on the blocks and may stand anywhere; they have kept their names.
    """
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    nodes = [node for node in nodes if not node.input[1].startswith("attention")]
    outputs = [node for node in nodes if node.input[1] in OUTPUT_WEIGHTS]
    outputs.sort(key=lambda node: OUTPUT_WEIGHTS.index(node.input[1]))
    return [node for node in nodes if node.input[1] not in OUTPUT_WEIGHTS] + outputs


def network_from(model: "ModelProto", *, attention: bool = False) -> U2Net:
    """The network with the weights of a graph; attention: added where the graph has none."""
    arrays = _arrays(model)
    weights = [arrays[node.input[1]] for node in body_convolutions(model)]
    stored = attention_weights(arrays)
    network = U2Net(_channels(weights), attention=attention or bool(stored))
    with torch.no_grad():
        for node, (conv, _) in zip(body_convolutions(model), network.convolutions(), strict=True):
            conv.weight.copy_(torch.from_numpy(arrays[node.input[1]]))
            _bias(conv).copy_(torch.from_numpy(arrays[node.input[2]]))
    if stored:
        network.load_state_dict(stored, strict=False)
    return network.eval()


def _arrays(model: "ModelProto") -> dict[str, np.ndarray]:
    from onnx import numpy_helper

    # A copy: torch refuses to share the read-only memory of the file.
    return {item.name: numpy_helper.to_array(item).copy() for item in model.graph.initializer}


def _channels(weights: list[np.ndarray]) -> Channels:
    """Middle and output channels of the eleven blocks, from the shapes of the convolutions."""
    channels, start = [], 0
    for count in BLOCK_CONVOLUTIONS:
        channels.append((weights[start + 1].shape[0], weights[start].shape[0]))
        start += count
    return tuple(channels)


def _bias(conv: nn.Conv2d) -> Tensor:
    if conv.bias is None:
        raise ValueError("Every convolution here has a bias.")
    return conv.bias


def graph_from(network: U2Net, template: "ModelProto") -> "ModelProto":
    """A copy of `template` with the weights of the network; batch norm is folded into them.

    template: what `read_graph` gave. Attention that the template lacks is inserted.
    """
    from onnx import ModelProto, numpy_helper

    model = ModelProto()
    model.CopyFrom(template)
    # The shapes inside belong to the template's width.
    del model.graph.value_info[:]
    places = {item.name: item for item in model.graph.initializer}
    for node, (conv, norm) in zip(body_convolutions(model), network.convolutions(), strict=True):
        weight, bias = folded(conv, norm)
        for name, tensor in ((node.input[1], weight), (node.input[2], bias)):
            array = tensor.detach().cpu().numpy().astype(np.float32)
            places[name].CopyFrom(numpy_helper.from_array(array, name))
    insert_attention(model, network)
    return model


def folded(conv: nn.Conv2d, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution that equals `conv` with `norm` after it."""
    bias = _bias(conv)
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_var is None:
        return conv.weight, bias
    if norm.running_mean is None:
        raise ValueError("A batch norm without running statistics cannot be folded.")
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (
        conv.weight * scale[:, None, None, None],
        (bias - norm.running_mean) * scale + norm.bias,
    )

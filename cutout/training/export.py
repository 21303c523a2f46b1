"""From trained weights to the bytes of files: fp32 graph, 8-bit ranges, and their checks."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from cutout.errors import ModelFailed
from cutout.runtimes import graphs
from cutout.runtimes.calibrate import measure_ranges
from cutout.runtimes.quantise import Ranges, quantise
from cutout.training.attention_graph import PREFIX
from cutout.training.network import U2Net
from cutout.training.onnx_weights import graph_from, read_graph
from cutout.training.validation import Validation, ious_of, score_maps

if TYPE_CHECKING:
    from onnx import ModelProto

MAX_PARITY_ERROR = 1e-4
MAX_INT8_LOSS = 0.005


@dataclass(frozen=True)
class Exported:
    """onnx: the fp32 file. ranges: None where 8 bits lose too much.

    parity: largest difference of a score from PyTorch's. iou, int8_iou: on the validation images.
    """

    onnx: bytes
    ranges: Ranges | None
    parity: float
    iou: float
    int8_iou: float


def export(
    network: U2Net, template: "ModelProto", validation: Validation, calibration: np.ndarray
) -> Exported:
    """Write the weights into the graph, compare it with PyTorch, try 8 bits.

    network: without batch norm. calibration: (N, 3, S, S) of training images. ModelFailed where
    the graph does not compute what PyTorch does.
    """
    data: bytes = graph_from(network, template).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(data)
        # As the service reads it: ranges go by the names in that graph.
        model = read_graph(path)
    maps = run_graph(model, validation.tensors)
    parity = parity_error(network, maps, validation.tensors)
    if parity > MAX_PARITY_ERROR:
        raise ModelFailed(
            f"The exported graph differs from PyTorch by {parity:.1e}; at most "
            f"{MAX_PARITY_ERROR:.0e} is allowed. Nothing was written."
        )
    ranges = measure_ranges(model, calibration)
    ranges["keep_fp32"] += [n.name for n in model.graph.node if n.name.startswith(PREFIX)]
    iou = _mean_iou(maps, validation)
    int8_iou = _mean_iou(run_graph(quantise(model, ranges), validation.tensors), validation)
    accepted = iou - int8_iou <= MAX_INT8_LOSS
    return Exported(data, ranges if accepted else None, parity, iou, int8_iou)


def run_graph(model: "ModelProto", tensors: np.ndarray) -> list[np.ndarray]:
    """Scores (1, 1, S, S) of each tensor by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = ({graphs.INPUT: tensor[None]} for tensor in tensors)
    return [session.run([graphs.OUTPUT], feed)[0] for feed in feeds]


def parity_error(network: U2Net, maps: list[np.ndarray], tensors: np.ndarray) -> float:
    """Largest difference of a score between PyTorch and `maps`."""
    own = score_maps(network, tensors)
    pairs = zip(own, maps, strict=True)
    return max(float(np.abs(one.numpy() - other).max()) for one, other in pairs)


def _mean_iou(maps: list[np.ndarray], validation: Validation) -> float:
    tensors = [torch.from_numpy(scores) for scores in maps]
    return float(ious_of(tensors, validation.targets).mean())

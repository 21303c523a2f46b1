"""Requests to train a U²-Net of a few channels; needs torch."""

from pathlib import Path

import torch
from training_kit import SIZE

from cutout.models.table import spec_of
from cutout.training.network import Channels, U2Net
from cutout.training.onnx_weights import graph_from, read_graph
from cutout.training.own_model import spec_toml
from cutout.training.pairs import split_pairs
from cutout.training.parts import RunParts, TrainRequest
from cutout.training.settings import TrainSettings
from cutout.training.trainer import Trainer

TINY = ((4, 8),) * 11
SETTINGS = TrainSettings(
    size=SIZE,
    batch=4,
    inner_steps=2,
    full_steps=4,
    learning_rate=3e-3,
    validate_every=2,
    average=0.5,
)


def new_network(channels: Channels) -> U2Net:
    """The same random weights each time."""
    torch.manual_seed(0)
    return U2Net(channels)


def write_model(path: Path, template: Path, network: U2Net) -> Path:
    """A network as an ONNX file with its TOML."""
    path.write_bytes(graph_from(network, read_graph(template)).SerializeToString())
    fields = {
        "size": SIZE,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "activation": "none",
        "licence": "Apache-2.0",
    }
    path.with_suffix(".toml").write_text(spec_toml(fields))
    return path


def request(pairs, weights: Path, out: Path, settings: TrainSettings = SETTINGS, **more):
    """A run on `pairs` from the file `weights`."""
    fields = {"pairs": pairs, "weights": weights, "spec": spec_of("u2netp"), "out": out}
    return TrainRequest(settings=settings, **(fields | more))


def parts_for(request: TrainRequest) -> RunParts:
    return RunParts(request, split_pairs(request.pairs, 0.2, 0.1))


def trainer_for(request: TrainRequest, checkpoint=None) -> Trainer:
    parts = parts_for(request)
    network, settings = parts.fresh_network(), request.settings
    return Trainer(network, parts.batches(), parts.validation, settings, checkpoint)

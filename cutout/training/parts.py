"""What one training run is made of: its request, and the parts that follow from it."""

import functools
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cutout import images
from cutout.errors import StorageFull
from cutout.files import hash_of
from cutout.models import processing
from cutout.models.table import ModelSpec
from cutout.training import blending
from cutout.training.augment import Augmentation
from cutout.training.batch_norm import insert_norm
from cutout.training.network import U2NETP, U2Net
from cutout.training.onnx_weights import network_from, read_graph
from cutout.training.pairs import Split, TrainPair, hash_of_pairs
from cutout.training.samples import (
    LIMITS,
    Batches,
    Samples,
    read_background,
    read_pair,
    read_taught,
    stored_size,
)
from cutout.training.settings import TrainSettings
from cutout.training.validation import Validation, score_maps

CALIBRATION_IMAGES = 48
# Of the replay images, kept out of training to see what is forgotten.
GENERAL_SHARE = 0.2
NORM_BATCHES = 8


@dataclass(frozen=True)
class TrainRequest:
    """What to train on and from.

    weights: ONNX of the starting weights, or of the architecture where `scratch` is set. spec:
    its row (preparation, licence). replay: images whose results shall stay as they are.
    backgrounds: images to move subjects to. validation, held: shares of the pairs.
    """

    pairs: Sequence[TrainPair]
    weights: Path
    spec: ModelSpec
    out: Path
    settings: TrainSettings
    scratch: bool = False
    replay: Sequence[Path] = ()
    backgrounds: Sequence[Path] = ()
    validation: float = 0.15
    held: float = 0.15
    group_by: str | None = None
    restart: bool = False


class RunParts:
    """The parts of one run that are made from the request."""

    def __init__(self, request: TrainRequest, split: Split) -> None:
        self.request, self.split = request, split
        self.size = request.settings.size
        self.template = read_graph(request.weights)
        # New weights are the same whenever the run is resumed.
        torch.manual_seed(request.settings.seed)
        attention = request.settings.attention
        self.teacher = network_from(self.template, attention=attention)
        self.start = self.teacher
        if request.scratch:
            self.start = U2Net(U2NETP, attention=attention).eval()
        replay = sorted(request.replay)
        kept = round(len(replay) * GENERAL_SHARE)
        self.replay, self.unseen = replay[kept:], replay[:kept]
        self.validation = self._validation(split.validation)
        self.general = self._general() if self.unseen else None
        self.folder = request.out.with_suffix(".training")

    def _validation(self, pairs: Sequence[TrainPair]) -> Validation:
        size = (self.size, self.size)
        targets = [read_pair(pair.image, pair.mask, size).target for pair in pairs]
        return Validation(
            np.stack([self._tensor(pair.image) for pair in pairs]), _unit(np.stack(targets))
        )

    def _general(self) -> Validation:
        """Images that were not replayed, with the published model's own maps as truth."""
        tensors = np.stack([self._tensor(path) for path in self.unseen])
        maps = score_maps(self.teacher, tensors)
        return Validation(tensors, np.stack([one[0].numpy() for one in maps]))

    def _tensor(self, path: Path) -> np.ndarray:
        rgb = images.decode(path.read_bytes(), LIMITS).rgb
        return processing.prepare(self.request.spec, rgb, self.size)

    def fresh_network(self) -> U2Net:
        """The network to train: the starting weights, with batch norm where it is asked for."""
        network = blending.without_norm(self.start)
        if self.request.settings.norm:
            insert_norm(network, self._some_tensors())
        return network

    def _some_tensors(self) -> Iterator[Tensor]:
        batches = self.batches()
        return (torch.from_numpy(batches.at(step)[0]) for step in range(NORM_BATCHES))

    def batches(self) -> Batches:
        """The batches of every step."""
        settings, stored = self.request.settings, stored_size(self.size)
        pairs = Samples(
            [
                functools.partial(read_pair, pair.image, pair.mask, stored)
                for pair in self.split.train
            ]
        )
        replay = Samples(
            [functools.partial(read_taught, path, self._teach, self.size) for path in self.replay]
        )
        backgrounds = Samples(
            [functools.partial(read_background, path, stored) for path in self.request.backgrounds]
        )
        how = Augmentation(self.size)
        mix = (settings.batch, settings.seed, settings.replay_share, how)
        return Batches(pairs, replay, backgrounds, self.request.spec, self.size, *mix)

    def _teach(self, rgb: np.ndarray) -> np.ndarray:
        tensor = processing.prepare(self.request.spec, rgb, self.size)
        scores: np.ndarray = score_maps(self.teacher, tensor[None])[0][0, 0].numpy()
        return scores

    def calibration(self) -> np.ndarray:
        """Tensors of training images."""
        pairs = self.split.train[:CALIBRATION_IMAGES]
        return np.stack([self._tensor(pair.image) for pair in pairs])

    def checkpoint(self) -> tuple[Path, str]:
        """The file, and the text that names this run."""
        if self.request.restart:
            shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFull(
                f"The folder for checkpoints cannot be made ({error.strerror})."
            ) from error
        facts = {
            "settings": asdict(self.request.settings),
            "weights": hash_of(self.request.weights),
            "train": hash_of_pairs(self.split.train),
            "validation": hash_of_pairs(self.split.validation),
            "replay": [hash_of(path) for path in self.replay],
            "backgrounds": [hash_of(path) for path in self.request.backgrounds],
            "scratch": self.request.scratch,
        }
        text = json.dumps(facts, sort_keys=True)
        return self.folder / "checkpoint.pt", hashlib.sha256(text.encode()).hexdigest()


def _unit(levels: np.ndarray) -> np.ndarray:
    unit: np.ndarray = levels[:, None].astype(np.float32) / 255
    return unit

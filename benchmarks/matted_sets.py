"""Shared by the scripts that judge results: data sets in halves, mattes of our pipeline."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.model_tools import mask_of, pairs
from cutout import images, pipeline
from cutout.options import Options
from cutout.pipeline.frame import Frame
from u2net import RembgModel

HALVES = ("even", "odd")
DRAWS = 4000


class Sample(NamedTuple):
    """One image of a data set: name, colours (H, W, 3) uint8, true mask (H, W) bool."""

    stem: str
    image: images.DecodedImage
    truth: np.ndarray


def samples(folder: Path, half: str) -> Iterator[Sample]:
    """The images of a data set at the even or at the odd places of its sorted names."""
    for image, mask in pairs(folder)[HALVES.index(half) :: 2]:
        yield Sample(image.stem, images.decode(image.read_bytes()), mask_of(mask))


def cached_infer(model: RembgModel, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The model's `infer_one`, which keeps each map in a file named by the input's hash."""
    folder.mkdir(parents=True, exist_ok=True)

    def infer(tensor: np.ndarray) -> np.ndarray:
        kept = folder / f"{hashlib.sha256(tensor.tobytes()).hexdigest()[:32]}.npy"
        if not kept.exists():
            np.save(kept, model.infer_one(tensor))
        return np.load(kept)

    return infer


class Mattes:
    """Our pipeline up to the final matte, with the model's maps kept in a folder."""

    def __init__(self, cache: Path, model: str = "u2net") -> None:
        """cache: of the maps of this model alone."""
        self.model = RembgModel(model)
        self.infer = cached_infer(self.model, cache)

    def frame(self, sample: Sample, options: Options) -> Frame:
        """The frame with matte, model's map and signals."""
        job = pipeline.Job(pipeline.make_plan(options), self.model, self.infer)
        return pipeline.make_matte(sample.image, job)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and its 95 % bootstrap interval over images."""
    picks = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)

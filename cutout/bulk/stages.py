"""What a bulk job asks of its caller, and what it hands from stage to stage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from cutout.bulk.pending import Pending

Tensors = tuple[np.ndarray, ...]


class Finished(Protocol):
    """A finished image; `pipeline.Result` is one."""

    @property
    def data(self) -> bytes:
        """The result's file."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the result."""

    @property
    def signals(self) -> Mapping[str, object]:
        """Quality signals by name."""

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences for people."""


class Stages(Protocol):
    """The order of work in parts that run in different processes; must be picklable.

    All raise CutoutError for an image that cannot be finished.
    """

    def check(self, data: bytes) -> int:
        """Pixels of an image file, from its header alone."""

    def prepare(self, data: bytes) -> Tensors:
        """The model's inputs, (3, S, S) float32 each, of an image file; none: no model needed."""

    def finish(self, data: bytes, maps: Sequence[np.ndarray]) -> Finished:
        """The result of an image file and the model's maps, (S, S) float32 each."""

    def cut_out(self, data: bytes, infer: Callable[[np.ndarray], np.ndarray]) -> Finished:
        """All of it at once, with one decoding. infer: (3, S, S) -> (S, S) float32."""


class Model(Protocol):
    """What does the model's part of many images at once; `u2net.RembgModel` is one."""

    @property
    def preferred_batch(self) -> int:
        """Images the device runs best in one pass."""

    def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        """Scores (S, S) float32 of each tensor (3, S, S), all of one S."""

    def device(self) -> dict[str, object]:
        """Runtime and precision in use, among others."""


# The state of one image after it was worked on, by the names of the manifest's columns.
Row = dict[str, object]


class Engine(Protocol):
    """Works on images and yields one row each, in any order."""

    def __call__(self, pending: Pending) -> Iterator[Row]:
        """The rows of the pending images; lazily, with bounded memory."""


def runtime_name(model: Model) -> str:
    """What a model runs on, for the manifest: `openvino int8`."""
    device = model.device()
    return f"{device.get('runtime', '')} {device.get('precision', '')}".strip()

"""Images with their targets in memory, and batches that depend on seed and step alone."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cutout import images
from cutout.models import processing
from cutout.models.table import ModelSpec
from cutout.resampling import lanczos
from cutout.training.augment import Augmentation, augment

# Stored larger than the network's input, so that a crop keeps its sharpness.
STORED_SCALE = 1.25
CACHE_BYTES = 2 << 30
LIMITS = images.Limits(formats=images.KNOWN, max_pixels=200_000_000)
# Draws of different purpose must not share their random numbers.
ORDER, DRAW = 1, 2


@dataclass(frozen=True)
class Sample:
    """rgb: (S, S, 3) uint8; target: (S, S) uint8, 255 = subject, soft edges kept."""

    rgb: np.ndarray
    target: np.ndarray


def stored_size(size: int) -> tuple[int, int]:
    side = round(size * STORED_SCALE)
    return side, side


def read_pair(image: Path, mask: Path, size: tuple[int, int]) -> Sample:
    """Both files scaled to `size`; they were checked before."""
    rgb = images.decode(image.read_bytes(), LIMITS).rgb
    levels = images.decode_mask(mask.read_bytes(), LIMITS)
    return Sample(lanczos(rgb, size), lanczos(np.ascontiguousarray(levels), size))


def read_taught(image: Path, teach: Callable[[np.ndarray], np.ndarray], size: int) -> Sample:
    """An image without a mask; its target is what the starting model answers.

    teach: (H, W, 3) uint8 to scores (S, S) float32 in [0, 1].
    """
    rgb = images.decode(image.read_bytes(), LIMITS).rgb
    levels = (teach(rgb).clip(0, 1) * 255).round().astype(np.uint8)
    stored = stored_size(size)
    return Sample(lanczos(rgb, stored), lanczos(levels, stored))


def read_background(image: Path, size: tuple[int, int]) -> Sample:
    """An image to move subjects to; its target is not used."""
    rgb = images.decode(image.read_bytes(), LIMITS).rgb
    return Sample(lanczos(rgb, size), np.zeros(size, np.uint8))


@dataclass
class Samples:
    """Samples by number; read when first used, kept while the memory for them lasts."""

    readers: list[Callable[[], Sample]]
    _kept: dict[int, Sample] = field(default_factory=dict)
    _bytes: int = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self.readers)

    def get(self, number: int) -> Sample:
        """Sample `number`."""
        if number in self._kept:
            return self._kept[number]
        sample = self.readers[number]()
        if self._bytes < CACHE_BYTES:
            self._kept[number] = sample
            self._bytes += sample.rgb.nbytes + sample.target.nbytes
        return sample


@dataclass(frozen=True)
class Batches:
    """Draws the batch of any step: pairs in a new order each epoch, and replayed samples."""

    pairs: Samples
    replay: Samples
    backgrounds: Samples
    row: ModelSpec
    size: int
    batch: int
    seed: int
    replay_share: float
    augmentation: Augmentation

    def at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Tensors (N, 3, S, S) and targets (N, 1, S, S), float32, the targets in [0, 1]."""
        rng = np.random.default_rng((self.seed, DRAW, step))
        replayed = round(self.batch * self.replay_share) if len(self.replay) else 0
        chosen = [
            *((self.pairs, number) for number in self._numbers(self.pairs, step, replayed)),
            *((self.replay, number) for number in self._others(step, replayed)),
        ]
        drawn = [self._draw(source.get(number), source, rng) for source, number in chosen]
        tensors, targets = zip(*drawn, strict=True)
        return np.stack(tensors), np.stack(targets)[:, None]

    def _numbers(self, source: Samples, step: int, without: int) -> list[int]:
        count = self.batch - without
        return [self._nth(source, place) for place in range(step * count, (step + 1) * count)]

    def _others(self, step: int, count: int) -> list[int]:
        places = range(step * count, (step + 1) * count)
        return [self._nth(self.replay, place) for place in places]

    def _nth(self, source: Samples, place: int) -> int:
        """The sample at a place of an endless sequence of epochs."""
        epoch, inside = divmod(place, len(source))
        order = np.random.default_rng((self.seed, ORDER, epoch)).permutation(len(source))
        return int(order[inside])

    def _draw(
        self, sample: Sample, source: Samples, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        other = None
        if source is self.pairs and len(self.backgrounds):
            other = self.backgrounds.get(int(rng.integers(len(self.backgrounds)))).rgb
        rgb, target = augment(rng, sample.rgb, sample.target, other, self.augmentation)
        tensor = processing.prepare(self.row, rgb, self.size)
        return tensor, target.astype(np.float32) / 255


def prefetch(
    make: Callable[[int], tuple[np.ndarray, np.ndarray]], steps: range, workers: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`make` of every step in order, up to `workers` + 1 steps ahead of the caller."""
    with ThreadPoolExecutor(workers, thread_name_prefix="samples") as pool:
        ahead = [pool.submit(make, step) for step in steps[: workers + 1]]
        try:
            for step in steps:
                result = ahead.pop(0).result()
                following = step + workers + 1
                if following in steps:
                    ahead.append(pool.submit(make, following))
                yield result
        finally:
            for future in ahead:
                future.cancel()

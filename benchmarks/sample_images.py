"""Photographs of a wanted size, the same in every run and free to use.

Cut from those that come with scikit-image: stretched to the size and given the fine grain of a
camera sensor, without which PNG would pack them unrealistically well.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

# Megapixels by name, as (width, height).
SIZES = {"0.1": (400, 300), "1": (1200, 900), "12": (4000, 3000)}
NAMES = ("astronaut", "chelsea", "coffee")
GRAIN = 2.0
QUALITY = 90


def jpegs(size: tuple[int, int], folder: Path | None = None, count: int = 3) -> list[bytes]:
    """`count` JPEG files of (width, height): scikit-image's, or the first of `folder`."""
    sources = from_folder(folder, count) if folder else from_library()
    return [as_jpeg(source, size, seed) for seed, source in enumerate(sources[:count])]


def from_library() -> list[Image.Image]:
    return [Image.fromarray(getattr(data, name)()) for name in NAMES]


def from_folder(folder: Path, count: int) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())[:count]]


def as_jpeg(source: Image.Image, size: tuple[int, int], seed: int) -> bytes:
    """Stretch to `size`, add the same grain every time, pack as a camera would."""
    pixels = np.asarray(source.resize(size, Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(seed).normal(0, GRAIN, pixels.shape).astype(np.float32)
    file = io.BytesIO()
    noisy = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
    noisy.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()

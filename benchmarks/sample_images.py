"""Photographs of any size, the same in every run and free to use.

Those of scikit-image, stretched to the size, with noise as of a camera sensor added: without it
PNG would compress them better than real photographs.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

# Megapixels by name, as (width, height).
SIZES = {"0.1": (400, 300), "1": (1200, 900), "12": (4000, 3000)}
NAMES = ("astronaut", "chelsea", "coffee")
NOISE = 2.0
QUALITY = 90


def jpegs(size: tuple[int, int], folder: Path | None = None, count: int = 3) -> list[bytes]:
    """`count` JPEG files of size (width, height): from scikit-image, or the first of `folder`."""
    sources = from_folder(folder, count) if folder else from_library()
    return [as_jpeg(source, size, seed) for seed, source in enumerate(sources[:count])]


def from_library() -> list[Image.Image]:
    return [Image.fromarray(getattr(data, name)()) for name in NAMES]


def from_folder(folder: Path, count: int) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())[:count]]


def as_jpeg(source: Image.Image, size: tuple[int, int], seed: int) -> bytes:
    """Stretch to `size`, add noise that depends on `seed` alone, encode."""
    pixels = np.asarray(source.resize(size, Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(seed).normal(0, NOISE, pixels.shape).astype(np.float32)
    file = io.BytesIO()
    noisy = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    noisy.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()

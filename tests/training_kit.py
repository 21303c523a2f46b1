"""A folder of drawn pairs, for tests that train for seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from cutout.training.pairs import TrainPair

SIZE = 64


def draw_pair(rng: np.random.Generator, side: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc and a dark one on noise; the mask is the bright one alone."""
    rgb = rng.integers(90, 130, (side, side, 3)).astype(np.uint8)
    y, x = np.mgrid[:side, :side]
    mask = np.zeros((side, side), np.uint8)
    for level, left in ((240, rng.random() < 0.5), (15, None)):
        place = bool(left) if left is not None else not bool(mask[:, : side // 2].any())
        centre = (rng.integers(30, 50), 22 if place else 58)
        inside = np.hypot(y - centre[0], x - centre[1]) < rng.integers(12, 18)
        rgb[inside] = level
        if level == 240:
            mask[inside] = 255
    return rgb, mask


def write_pairs(folder: Path, count: int, seed: int = 0) -> tuple[Path, Path]:
    """Folders of images and masks with `count` pairs: p00.png and so on."""
    images, masks = folder / "image", folder / "mask"
    images.mkdir(parents=True), masks.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        rgb, mask = draw_pair(rng)
        Image.fromarray(rgb).save(images / f"p{number:02}.png")
        Image.fromarray(mask).save(masks / f"p{number:02}.png")
    return images, masks


def drawn_pairs(folder: Path, count: int) -> list[TrainPair]:
    """The same as pairs."""
    images, masks = write_pairs(folder, count)
    stems = sorted(path.stem for path in images.iterdir())
    return [TrainPair(stem, images / f"{stem}.png", masks / f"{stem}.png") for stem in stems]

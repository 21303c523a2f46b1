"""Make hard cases with a known truth for eyes and measures, as a data set of composites.

    python -m benchmarks.cases --data DIR --out CASES
    python -m benchmarks.looks --set CASES/green --cache MAPS --out SHEETS --edges 14

The subjects of alphamatting14 with their true alpha, in front of: `green`, a lit green
screen with its light on the edge; `busy`, a photograph of calibration/; `white`, a bright wall, the
subject itself made nearly white. Each is a folder with image/ and mask/, the true alpha.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

GREEN, WALL = (20, 190, 70), (236, 236, 232)
# Share of the screen's light on the soft edge, and the range of levels of the white subject.
SPILL = 0.15
WHITE = (185, 250)


def lit(size: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """A ground of one colour (H, W, 3), 12 % darker at its lower right than at its upper left."""
    down, across = (np.linspace(0, 1, side) for side in size)
    light = 1 - 0.06 * (down[:, None] + across[None])
    return light[..., None] * np.float64(colour)


def whitened(front: np.ndarray) -> np.ndarray:
    """The subject's colours (H, W, 3) in greys of WHITE."""
    grey = front.mean(axis=2, keepdims=True) / 255
    low, high = WHITE
    return np.repeat(low + (high - low) * np.sqrt(grey), 3, axis=2)


def subjects(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, colours (H, W, 3) in [0, 255] and true alpha (H, W) of each subject."""
    import pymatting  # Its first import compiles for a minute.

    for path in sorted((folder / "image").iterdir()):
        rgb = np.asarray(Image.open(path).convert("RGB")) / 255
        alpha = np.asarray(Image.open(folder / "mask" / f"{path.stem}.png").convert("L")) / 255
        yield path.stem, 255 * pymatting.estimate_foreground_ml(rgb, alpha), alpha


def grounds(
    front: np.ndarray, alpha: np.ndarray, photograph: Path
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Colours and ground, (H, W, 3) both, of each case."""
    size = alpha.shape
    edge = SPILL * (4 * alpha * (1 - alpha))[..., None]
    screen, other = lit(size, GREEN), Image.open(photograph).convert("RGB")
    return {
        "green": ((1 - edge) * front + edge * screen, screen),
        "busy": (front, np.asarray(other.resize(size[::-1])) * 1.0),
        "white": (whitened(front), lit(size, WALL)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the composites")
    args = parser.parse_args()
    photographs = sorted((args.data / "calibration" / "image").iterdir())
    noise = np.random.default_rng(0)
    for (stem, front, alpha), photograph in zip(
        subjects(args.data / "alphamatting14"), photographs, strict=False
    ):
        for case, (colours, ground) in grounds(front, alpha, photograph).items():
            mixed = alpha[..., None] * colours + (1 - alpha[..., None]) * ground
            mixed += noise.normal(0, 2, mixed.shape)
            for kind, array in (("image", mixed), ("mask", 255 * alpha)):
                folder = args.out / case / kind
                folder.mkdir(parents=True, exist_ok=True)
                levels = np.uint8(np.clip(array + 0.5, 0, 255))
                cv2.imwrite(
                    str(folder / f"{stem}.png"), levels[..., ::-1] if levels.ndim == 3 else levels
                )


if __name__ == "__main__":
    main()

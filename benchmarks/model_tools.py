"""Shared by the scripts about models: images in, tensors out, accuracy."""

from hashlib import sha256
from pathlib import Path

import numpy as np

from cutout import images, measures
from cutout.models import processing
from cutout.models.table import ModelSpec


def tensor_of(path: Path, row: ModelSpec, size: int) -> np.ndarray:
    """One image as the model's row of the table wants it: (3, size, size) float32."""
    return processing.prepare(row, images.decode(path.read_bytes()).rgb, size)


def mask_of(path: Path) -> np.ndarray:
    """The true mask: (H, W) bool."""
    return images.decode_mask(path.read_bytes()) > 128


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Images of a data set with their masks, in order of name."""
    files = sorted((folder / "image").iterdir())
    return [(path, folder / "mask" / f"{path.stem}.png") for path in files]


class Accuracy:
    """IoU at 0.5, max F as in the papers (of the mean curve), and MAE, over images."""

    def __init__(self) -> None:
        self.ious: list[float] = []
        self.errors: list[float] = []
        self.curves = measures.MeanCurves()

    def add(self, alpha: np.ndarray, truth: np.ndarray) -> None:
        """alpha: (H, W) in [0, 1]; truth: (H, W) bool."""
        self.ious.append(measures.iou(alpha > 0.5, truth))
        self.errors.append(measures.mae(alpha, truth))
        self.curves.add(measures.precision_recall(alpha, truth))

    def row(self) -> dict[str, float]:
        return {
            "iou": float(np.mean(self.ious)),
            "max_f": float(measures.f_measure(*self.curves.mean()).max()),
            "mae": float(np.mean(self.errors)),
        }


def weights_from(folder: Path, name: str) -> tuple[Path, str]:
    """A weights file and its SHA-256."""
    path = folder / f"{name}.onnx"
    return path, sha256(path.read_bytes()).hexdigest()

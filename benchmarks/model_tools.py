"""Shared by the scripts about models: pictures in, tensors out, accuracy."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cutout import measures

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def tensor_of(path: Path, size: int) -> np.ndarray:
    """One picture as rembg prepares it: (3, S, S) float32."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS), np.float64)
    pixels = pixels / max(pixels.max(), 1e-6)
    return ((pixels - MEAN) / STD).transpose(2, 0, 1).astype(np.float32)


def alpha_of(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scores as rembg finishes them: stretched, 8 bits, LANCZOS to (height, width); in [0, 1]."""
    span = max(float(scores.max() - scores.min()), 1e-12)
    map8 = ((scores - scores.min()) / span * 255).astype(np.uint8)
    resized = Image.fromarray(map8).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(resized, np.float32) / 255


def truth_of(path: Path) -> np.ndarray:
    """(H, W) bool."""
    return np.asarray(Image.open(path).convert("L")) > 128


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Pictures of a set with their masks, in order of name."""
    pictures = sorted((folder / "image").iterdir())
    return [(path, folder / "mask" / f"{path.stem}.png") for path in pictures]


class Accuracy:
    """IoU at 0.5, max F the paper's way (of the mean curve), MAE, over pictures."""

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

"""Random changes of an image and its target: crop, flip, colour, another background."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How much an image may change.

    size: S of the result in px. min_area: smallest share of the image that a crop keeps.
    brightness, contrast, tint: largest relative change. background_share: how often the subject
    moves to another background where one is given.
    """

    size: int = 320
    min_area: float = 0.6
    brightness: float = 0.2
    contrast: float = 0.2
    tint: float = 0.05
    background_share: float = 0.2


def augment(
    rng: np.random.Generator,
    rgb: np.ndarray,
    target: np.ndarray,
    background: np.ndarray | None,
    how: Augmentation,
) -> tuple[np.ndarray, np.ndarray]:
    """One random variant: (S, S, 3) uint8 and (S, S) uint8.

    rgb: (H, W, 3) uint8; target: (H, W) uint8; background: (H, W, 3) uint8 or None.
    """
    if background is not None and rng.random() < how.background_share:
        rgb = composed(rgb, target, background)
    rows, columns = _crop(rng, target.shape, how.min_area)
    rgb, target = rgb[rows, columns], target[rows, columns]
    if rng.random() < 0.5:
        rgb, target = rgb[:, ::-1], target[:, ::-1]
    return recoloured(rng, _scaled(rgb, how.size), how), _scaled(target, how.size)


def composed(rgb: np.ndarray, target: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The subject on another background of the same size."""
    alpha = target[..., None].astype(np.float32) / 255
    mixed: np.ndarray = (rgb * alpha + background * (1 - alpha)).round().astype(np.uint8)
    return mixed


def recoloured(rng: np.random.Generator, rgb: np.ndarray, how: Augmentation) -> np.ndarray:
    """Brightness, contrast and white balance changed at random, (H, W, 3) uint8."""
    gain = 1 + rng.uniform(-how.brightness, how.brightness)
    contrast = 1 + rng.uniform(-how.contrast, how.contrast)
    tint = 1 + rng.uniform(-how.tint, how.tint, 3)
    levels = np.arange(256, dtype=np.float32)
    curve = ((levels - 128) * contrast + 128) * gain
    table = (curve[:, None] * tint).round().clip(0, 255).astype(np.uint8)
    channels = [cv2.LUT(np.ascontiguousarray(rgb[..., n]), table[:, n]) for n in range(3)]
    merged: np.ndarray = cv2.merge(channels)
    return merged


def _crop(rng: np.random.Generator, shape: tuple[int, ...], min_area: float) -> tuple[slice, slice]:
    share = np.sqrt(rng.uniform(min_area, 1))
    height, width = (max(1, round(side * share)) for side in shape[:2])
    top = int(rng.integers(shape[0] - height + 1))
    left = int(rng.integers(shape[1] - width + 1))
    return slice(top, top + height), slice(left, left + width)


def _scaled(array: np.ndarray, size: int) -> np.ndarray:
    scaled: np.ndarray = cv2.resize(
        np.ascontiguousarray(array), (size, size), interpolation=cv2.INTER_AREA
    )
    return scaled

"""The images that decide: how well a network does on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cutout.training.losses import hard_iou

Forward = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Validation:
    """tensors: (N, 3, S, S); targets: (N, 1, S, S) in [0, 1]; float32."""

    tensors: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        """How many images."""
        return len(self.tensors)


def score_maps(forward: Forward, tensors: np.ndarray, device: str = "cpu") -> list[Tensor]:
    """The first output of each image in [0, 1], (1, 1, H, W); one image at a time."""
    with torch.no_grad(), torch.autocast(device, enabled=device == "cuda"):
        return [
            torch.sigmoid(forward(torch.from_numpy(tensor[None]).to(device))[0]).float().cpu()
            for tensor in tensors
        ]


def ious_of(maps: Sequence[Tensor], targets: np.ndarray) -> np.ndarray:
    """IoU at one half of each map, (N,); targets (N, 1, S, S) are brought to its size."""
    found = []
    for scores, target in zip(maps, targets, strict=True):
        true = torch.from_numpy(target[None])
        true = torch.nn.functional.interpolate(true, size=scores.shape[2:])
        found.append(float(hard_iou(scores, true)))
    return np.array(found)


def validate(forward: Forward, images: Validation, device: str = "cpu") -> np.ndarray:
    """IoU of the first output on each image, (N,)."""
    return ious_of(score_maps(forward, images.tensors, device), images.targets)

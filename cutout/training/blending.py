"""Means of the weights before and after training, and which of them to keep.

A mean keeps a part of what the starting weights knew. Wortsman et al., "Robust fine-tuning of
zero-shot models", CVPR 2022.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cutout.training.network import U2Net
from cutout.training.onnx_weights import folded
from cutout.training.validation import Validation, validate

# Share of the trained weights in the mean.
SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4)
# A smaller gain than this is noise, whatever its standard error.
MIN_GAIN = 0.002


@dataclass(frozen=True)
class Candidate:
    """One mean. ious: on each validation image, (N,); general: mean IoU on general images."""

    share: float
    network: U2Net
    ious: np.ndarray
    general: float | None

    @property
    def iou(self) -> float:
        """Mean over the validation images."""
        return float(self.ious.mean())

    @property
    def balance(self) -> float:
        """Harmonic mean of the IoU on the own and on the general images."""
        both = (self.iou, self.general or 0.0)
        return 2 * both[0] * both[1] / max(sum(both), 1e-9)


def without_norm(network: U2Net) -> U2Net:
    """A copy whose batch norm, where it has some, is folded into the convolutions."""
    attention = not isinstance(network.encoders[0].attention, nn.Identity)
    plain = U2Net(network.channels, attention=attention)
    plain.load_state_dict(network.state_dict(), strict=False)
    with torch.no_grad():
        for (target, _), (conv, norm) in zip(
            plain.convolutions(), network.convolutions(), strict=True
        ):
            weight, bias = folded(conv, norm)
            target.weight.copy_(weight)
            if target.bias is not None:
                target.bias.copy_(bias)
    return plain.cpu().eval()


def blend(start: U2Net, trained: U2Net, share: float) -> U2Net:
    """Share x trained + (1 - share) x start; both without batch norm."""
    mixed = without_norm(trained)
    with torch.no_grad():
        for own, old in zip(mixed.parameters(), start.parameters(), strict=True):
            own.lerp_(old, 1 - share)
    return mixed


def candidates(
    start: U2Net | None, trained: U2Net, own: Validation, general: Validation | None
) -> list[Candidate]:
    """The means of SHARES with their measures; of `trained` alone where there is no start."""
    if start is None:
        return [_measured(1.0, without_norm(trained), own, general)]
    return [_measured(share, blend(start, trained, share), own, general) for share in SHARES]


def _measured(
    share: float, network: U2Net, own: Validation, general: Validation | None
) -> Candidate:
    kept = float(validate(network, general).mean()) if general else None
    return Candidate(share, network, validate(network, own), kept)


def gain(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Mean difference after - before over the images, and its standard error."""
    difference = after - before
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
    return float(difference.mean()), float(error)


def is_better(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether the gain is more than noise: MIN_GAIN, and one standard error of the difference."""
    mean, error = gain(before, after)
    return mean >= MIN_GAIN and mean > error

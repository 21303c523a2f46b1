"""The loss of all outputs, and the IoU that validation goes by."""

import torch
from torch import Tensor
from torch.nn import functional


def total_loss(outputs: list[Tensor], target: Tensor, iou_weight: float) -> Tensor:
    """Sum over the outputs of cross-entropy and, times `iou_weight`, one minus the soft IoU.

    outputs: logits (N, 1, H, W) each; target: (N, 1, H, W) in [0, 1]. The cross-entropy of every
    output is the paper's; the IoU term is Máttyus et al., "DeepRoadMapper", ICCV 2017.
    """
    total = target.new_zeros(())
    for logits in outputs:
        logits = logits.float()
        total = total + functional.binary_cross_entropy_with_logits(logits, target)
        if iou_weight:
            total = total + iou_weight * (1 - soft_iou(torch.sigmoid(logits), target)).mean()
    return total


def soft_iou(scores: Tensor, target: Tensor) -> Tensor:
    """Overlap of each image, (N,): sum of products over sum of unions; (N, 1, H, W) in [0, 1]."""
    both = (scores * target).sum((1, 2, 3))
    either = (scores + target - scores * target).sum((1, 2, 3))
    return (both + 1) / (either + 1)


def hard_iou(scores: Tensor, target: Tensor) -> Tensor:
    """IoU at one half of each image, (N,), each map first spread over [0, 1] as when served.

    Two empty masks agree and score 1.
    """
    flat = scores.flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    pred = (flat - low) / (high - low).clamp_min(1e-9) > 0.5
    true = target.flatten(1) > 0.5
    both, either = (pred & true).sum(1).float(), (pred | true).sum(1).float()
    return torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(either))

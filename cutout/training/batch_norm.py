"""Batch norm put back into published weights, where it had been folded, without changing them."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cutout.training.network import ConvRelu, U2Net


def insert_norm(network: U2Net, tensors: Iterable[Tensor]) -> None:
    """Give each convolution with ReLU a batch norm that is the identity for its statistics.

    tensors: (N, 3, S, S) each; mean and variance of every channel are measured on them.
    """
    blocks = [part for part in network.modules() if isinstance(part, ConvRelu)]
    moments = {id(block): _Moments() for block in blocks}
    hooks = [block.conv.register_forward_hook(moments[id(block)].add) for block in blocks]
    try:
        with torch.no_grad():
            for tensor in tensors:
                network(tensor)
    finally:
        for hook in hooks:
            hook.remove()
    for block in blocks:
        block.norm = moments[id(block)].identity_norm()


class _Moments:
    """Running sums over batches of one convolution's output."""

    def __init__(self) -> None:
        self.batches, self.mean, self.square = 0, torch.zeros(()), torch.zeros(())

    def add(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self.batches += 1
        self.mean = self.mean + output.mean((0, 2, 3))
        self.square = self.square + output.square().mean((0, 2, 3))

    def identity_norm(self) -> nn.BatchNorm2d:
        mean = self.mean / self.batches
        variance = (self.square / self.batches - mean.square()).clamp_min(1e-6)
        norm = nn.BatchNorm2d(len(mean))
        norm.running_mean, norm.running_var = mean.clone(), variance.clone()
        with torch.no_grad():
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(mean)
        return norm.eval()

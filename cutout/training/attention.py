"""Channel and spatial attention on the output of a block; it starts as the identity.

Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018. Each gate is 2 x sigmoid
instead of sigmoid, and its last layer starts at zero, so that new gates multiply by one.
"""

import torch
from torch import Tensor, nn

REDUCTION = 8
KERNEL = 7


class Attention(nn.Module):
    """First the channels are weighted, then the places."""

    def __init__(self, channels: int) -> None:
        """channels: of the block's output."""
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.place = nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2)
        for last in (self.expand, self.place):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), same shape out."""
        pooled = (x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True))
        weights = sum(self.expand(torch.relu(self.squeeze(one))) for one in pooled)
        x = x * (2 * torch.sigmoid(weights))
        planes = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        gated: Tensor = x * (2 * torch.sigmoid(self.place(planes)))
        return gated

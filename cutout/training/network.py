"""U²-Net in PyTorch: eleven U-shaped blocks in one U, six side outputs and their fusion.

Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern
Recognition 2020; the table is its table 1. Weights come from an ONNX file, see `onnx_weights`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cutout.training.attention import Attention


class Block(NamedTuple):
    """One row of the table: name, levels (0: dilated, without pooling), channels."""

    name: str
    levels: int
    inside: int
    mid: int
    out: int


LEVELS = (7, 6, 5, 4, 0, 0, 0, 4, 5, 6, 7)
NAMES = (*(f"encoder{n}" for n in range(1, 7)), *(f"decoder{n}" for n in range(5, 0, -1)))
# Middle and output channels of each block.
U2NET = (
    *((32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)),
    *((256, 512), (128, 256), (64, 128), (32, 64), (16, 64)),
)
U2NETP = ((16, 64),) * 11
DILATIONS = (1, 2, 4, 8)
Channels = tuple[tuple[int, int], ...]


def table(channels: Channels) -> list[Block]:
    """The eleven blocks; what goes in follows from what comes out of the blocks before."""
    out = [pair[1] for pair in channels]
    inside = [3, *out[:5], out[5] + out[4], *(out[5 + n] + out[4 - n] for n in range(1, 5))]
    rows = zip(NAMES, LEVELS, inside, channels, strict=True)
    return [Block(name, levels, into, *pair) for name, levels, into, pair in rows]


class ConvRelu(nn.Module):
    """A 3 x 3 convolution, with or without batch norm, and ReLU."""

    def __init__(self, inside: int, out: int, dilation: int = 1, norm: bool = False) -> None:
        """norm: published weights have it folded into the convolution."""
        super().__init__()
        self.conv = nn.Conv2d(inside, out, 3, padding=dilation, dilation=dilation)
        self.norm: nn.Module = nn.BatchNorm2d(out) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H, W)."""
        return functional.relu(self.norm(self.conv(x)))


class ResidualUBlock(nn.Module):
    """RSU-L, a small U with a residual connection; RSU-4F where `levels` is 0."""

    def __init__(self, block: Block, norm: bool = False, attention: bool = False) -> None:
        """norm: batch norm in each convolution. attention: on the block's output."""
        super().__init__()
        self.dilated = block.levels == 0
        mid, count = block.mid, block.levels or len(DILATIONS)
        dilations = DILATIONS if self.dilated else (*([1] * (count - 1)), 2)
        self.entry = ConvRelu(block.inside, block.out, 1, norm)
        self.down = nn.ModuleList(
            ConvRelu(block.out if level == 0 else mid, mid, dilation, norm)
            for level, dilation in enumerate(dilations)
        )
        back = dilations[-2::-1] if self.dilated else [1] * (count - 1)
        self.up = nn.ModuleList(
            ConvRelu(2 * mid, block.out if level == count - 2 else mid, dilation, norm)
            for level, dilation in enumerate(back)
        )
        self.attention: nn.Module = Attention(block.out) if attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, out, H, W)."""
        entry = self.entry(x)
        maps = [self.down[0](entry)]
        for level, conv in enumerate(self.down[1:], 1):
            pooled = not self.dilated and level < len(self.down) - 1
            maps.append(conv(halved(maps[-1]) if pooled else maps[-1]))
        found = maps.pop()
        for conv in self.up:
            beside = maps.pop()
            found = conv(torch.cat([resized(found, beside), beside], 1))
        attended: Tensor = self.attention(found + entry)
        return attended


class U2Net(nn.Module):
    """The network; `channels` decides its width."""

    def __init__(
        self, channels: Channels = U2NETP, *, norm: bool = False, attention: bool = False
    ) -> None:
        """channels: middle and output channels of the eleven blocks."""
        super().__init__()
        self.channels = channels
        blocks = table(channels)
        modules = [ResidualUBlock(block, norm, attention) for block in blocks]
        self.encoders = nn.ModuleList(modules[:6])
        self.decoders = nn.ModuleList(modules[6:])
        # Deepest first: side outputs 6 to 1.
        self.sides = nn.ModuleList(nn.Conv2d(block.out, 1, 3, padding=1) for block in blocks[5:])
        self.fuse = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits: the fused output, then side outputs 1 to 6, each (N, 1, H, W).

        x: (N, 3, H, W) float32, normalised, H and W multiples of 32.
        """
        encoded = self.encode(x)
        side_maps = [self.sides[0](encoded[-1])]
        found = encoded.pop()
        for decoder, side in zip(self.decoders, self.sides[1:], strict=True):
            beside = encoded.pop()
            found = decoder(torch.cat([resized(found, beside), beside], 1))
            side_maps.append(side(found))
        outputs = [resized(side_map, x) for side_map in reversed(side_maps)]
        return [self.fuse(torch.cat(outputs, 1)), *outputs]

    def forward_inner(self, x: Tensor) -> list[Tensor]:
        """Logits of side outputs 2 to 6, each (N, 1, H / 2, W / 2).

        Encoder 1 gets no gradient and decoder 1 is left out: they work at full size and cost
        three quarters of a step.
        """
        with torch.no_grad():
            first = self.encoders[0](x)
        encoded = self.encode(halved(first), 1)
        side_maps = [self.sides[0](encoded[-1])]
        found = encoded.pop()
        for decoder, side in zip(self.decoders[:-1], self.sides[1:-1], strict=True):
            beside = encoded.pop()
            found = decoder(torch.cat([resized(found, beside), beside], 1))
            side_maps.append(side(found))
        return [resized(side_map, side_maps[-1]) for side_map in reversed(side_maps)]

    def encode(self, x: Tensor, first: int = 0) -> list[Tensor]:
        """Outputs of the encoders from index `first` on, each at half the size of the last."""
        encoded: list[Tensor] = []
        for encoder in self.encoders[first:]:
            encoded.append(encoder(halved(encoded[-1]) if encoded else x))
        return encoded

    def convolutions(self) -> list[tuple[nn.Conv2d, nn.Module | None]]:
        """Each convolution with its batch norm (None without).

        Those of the blocks in their order, side outputs 6 to 1, the fusion.
        """
        found: list[tuple[nn.Conv2d, nn.Module | None]] = []
        for block in (*self.encoders, *self.decoders):
            for part in (block.entry, *block.down, *block.up):
                found.append((part.conv, part.norm if has_norm(part) else None))
        return [*found, *((side, None) for side in self.sides), (self.fuse, None)]


def has_norm(part: ConvRelu) -> bool:
    return isinstance(part.norm, nn.BatchNorm2d)


def halved(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2, 2, ceil_mode=True)


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, to the height and width of `like`."""
    if x.shape[2:] == like.shape[2:]:
        return x
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)

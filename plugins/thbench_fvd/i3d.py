"""The I3D network whose 400 Kinetics logits FVD compares, with its batch norms folded away.

Carreira and Zisserman 2017: Inception-v1 inflated in time. Layers pad as TensorFlow's "SAME" does, more
at the end than at the beginning where the padding is odd. Names follow the PyTorch port that the
published state dicts come from: `Mixed_3b.b1a` here is one convolution with a bias; the published
`Mixed_3b.b1a.conv3d.weight` and `.bn.*` are folded into it by `thbench_fvd.weights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FEATURES", "SHORTEST", "SIDE", "I3d"]

SIDE = 224
"""Height and width of the input in pixels."""
FEATURES = 400
"""Classes of Kinetics-400: logits, before the softmax, averaged over time."""
SHORTEST = 10
"""Frames below which the last pool has too little to average."""
Size = tuple[int, int, int]


def padded(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """[N, C, T, H, W] with zeros as TensorFlow's SAME padding: ceil(size / stride) outputs per side."""
    pads: list[int] = []
    for size, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        total = max(k - (size % s or s), 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads)


class Conv(nn.Conv3d):
    """ "SAME" convolution with the batch norm folded in, then ReLU."""

    def __init__(self, cin: int, cout: int, kernel: Size = (1, 1, 1), stride: int = 1) -> None:
        super().__init__(cin, cout, kernel, (stride, stride, stride))

    def forward(self, x: Tensor) -> Tensor:
        if max(self.kernel_size) > 1:
            x = padded(x, self.kernel_size, self.stride)
        return F.relu_(super().forward(x))


def pool(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """ "SAME" maximum; the zeros of the padding change nothing after a ReLU."""
    return F.max_pool3d(padded(x, kernel, stride), kernel, stride)


class Mixed(nn.Module):
    """Four branches side by side: 1x1x1; twice 1x1x1 then 3x3x3; pool then 1x1x1."""

    def __init__(self, cin: int, sizes: Sequence[int]) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = sizes
        self.b0 = Conv(cin, b0)
        self.b1a, self.b1b = Conv(cin, b1a), Conv(b1a, b1b, (3, 3, 3))
        self.b2a, self.b2b = Conv(cin, b2a), Conv(b2a, b2b, (3, 3, 3))
        self.b3b = Conv(cin, b3b)
        self.channels = b0 + b1b + b2b + b3b

    def forward(self, x: Tensor) -> Tensor:
        pooled = pool(x, (3, 3, 3), (1, 1, 1))
        branches = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)]
        return torch.cat(branches, 1)


# channels of the branches, and kernel and stride of the pool before the block
BLOCKS: dict[str, tuple[tuple[int, ...], tuple[Size, Size] | None]] = {
    "Mixed_3b": ((64, 96, 128, 16, 32, 32), ((1, 3, 3), (1, 2, 2))),
    "Mixed_3c": ((128, 128, 192, 32, 96, 64), None),
    "Mixed_4b": ((192, 96, 208, 16, 48, 64), ((3, 3, 3), (2, 2, 2))),
    "Mixed_4c": ((160, 112, 224, 24, 64, 64), None),
    "Mixed_4d": ((128, 128, 256, 24, 64, 64), None),
    "Mixed_4e": ((112, 144, 288, 32, 64, 64), None),
    "Mixed_4f": ((256, 160, 320, 32, 128, 128), None),
    "Mixed_5b": ((256, 160, 320, 32, 128, 128), ((2, 2, 2), (2, 2, 2))),
    "Mixed_5c": ((384, 192, 384, 48, 128, 128), None),
}


class I3d(nn.Module):
    """Windows [N, 3, T, 224, 224] in -1..1, T >= 10 -> logits [N, 400], averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Conv(3, 64, (7, 7, 7), stride=2)
        self.Conv3d_2b_1x1 = Conv(64, 64)
        self.Conv3d_2c_3x3 = Conv(64, 192, (3, 3, 3))
        channels = 192
        for name, (sizes, _) in BLOCKS.items():
            block = Mixed(channels, sizes)
            self.add_module(name, block)
            channels = block.channels
        self.logits = nn.Conv3d(channels, FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        *_, (_, logits) = self.stages(x)
        return logits

    def stages(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(name, output) of every layer and block in turn; the last is `logits` [N, 400]."""
        x = self.Conv3d_1a_7x7(x)  # [N, 64, T/2, 112, 112]
        yield "Conv3d_1a_7x7", x
        x = self.Conv3d_2b_1x1(pool(x, (1, 3, 3), (1, 2, 2)))
        yield "Conv3d_2b_1x1", x
        x = self.Conv3d_2c_3x3(x)  # [N, 192, T/2, 56, 56]
        yield "Conv3d_2c_3x3", x
        for name, (_, before) in BLOCKS.items():
            x = getattr(self, name)(pool(x, *before) if before else x)
            yield name, x
        x = F.avg_pool3d(x, (2, 7, 7), 1)  # [N, 1024, T/8 - 1, 1, 1]
        yield "logits", self.logits(x).mean(dim=(2, 3, 4))

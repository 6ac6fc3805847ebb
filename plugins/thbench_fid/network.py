"""The Inception network of December 2015, as FID uses it, with its batch norms folded away.

Szegedy et al. 2016 (Inception-v3) in the form of TensorFlow's `inception-2015-12-05` graph. It differs
from the Inception-v3 most libraries ship: average pools leave the padding out of the mean, and the
pool branch of the last block takes a maximum.

Names follow the published state dicts: `Mixed_5b.branch5x5_1` here is one convolution with a bias; the
published `Mixed_5b.branch5x5_1.conv.weight` and `.bn.*` are folded into it by `thbench_fid.weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FEATURES", "SIDE", "Inception2015"]

SIDE = 299
"""Height and width of the input in pixels."""
FEATURES = 2048
"""Channels after the last block, averaged over its 8x8 positions."""

Pool: TypeAlias = Callable[[Tensor], Tensor]


class Conv(nn.Conv2d):
    """Convolution with the batch norm folded in, then ReLU. "same" padding unless told otherwise.

    fused  both in one call of oneDNN, at any number of images; for CPUs, see `thbench_fid.quick`
    """

    fused = False
    packed: Tensor | None = None
    """The weight in the layout that oneDNN wants, from the first fused call on."""

    def __init__(
        self,
        cin: int,
        cout: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        pad: bool = True,
    ) -> None:
        kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
        super().__init__(cin, cout, (kh, kw), stride, (kh // 2, kw // 2) if pad else 0)

    def forward(self, x: Tensor) -> Tensor:
        if self.fused:
            return _fused(self, x)
        return F.relu_(super().forward(x))


def _fused(conv: Conv, x: Tensor) -> Tensor:
    shape = (conv.padding, conv.stride, conv.dilation, conv.groups)
    if conv.packed is None:  # else it is packed again by every call: 6 ms of 100 with four images
        conv.packed = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight, *shape, list(x.shape)
        )
    y: Tensor = torch.ops.mkldnn._convolution_pointwise(  # what torch.compile calls
        x, conv.packed, conv.bias, *shape, "relu", [], ""
    )
    return y


def average_without_padding(x: Tensor) -> Tensor:
    """3x3 mean at stride 1 over the pixels that exist, as TensorFlow's SAME pooling does."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


def halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2)


class Block35(nn.Module):
    """35x35 grid (Mixed_5b to 5d): 1x1, 5x5, twice 3x3, pool -> 224 + pool channels."""

    def __init__(self, cin: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(cin, 64)
        self.branch5x5_1 = Conv(cin, 48)
        self.branch5x5_2 = Conv(48, 64, 5)
        self.branch3x3dbl_1 = Conv(cin, 64)
        self.branch3x3dbl_2 = Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3)
        self.branch_pool = Conv(cin, pool)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch5x5_2(self.branch5x5_1(x)),
                double,
                self.branch_pool(average_without_padding(x)),
            ],
            1,
        )


class Reduce35(nn.Module):
    """35x35 -> 17x17 (Mixed_6a): 288 -> 768 channels."""

    def __init__(self, cin: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(cin, 384, 3, stride=2, pad=False)
        self.branch3x3dbl_1 = Conv(cin, 64)
        self.branch3x3dbl_2 = Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2, pad=False)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, halve(x)], 1)


class Block17(nn.Module):
    """17x17 grid (Mixed_6b to 6e): 1x1, 7x7 factored once and twice, pool -> 768 channels."""

    def __init__(self, c7: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(768, 192)
        self.branch7x7_1 = Conv(768, c7)
        self.branch7x7_2 = Conv(c7, c7, (1, 7))
        self.branch7x7_3 = Conv(c7, 192, (7, 1))
        self.branch7x7dbl_1 = Conv(768, c7)
        self.branch7x7dbl_2 = Conv(c7, c7, (7, 1))
        self.branch7x7dbl_3 = Conv(c7, c7, (1, 7))
        self.branch7x7dbl_4 = Conv(c7, c7, (7, 1))
        self.branch7x7dbl_5 = Conv(c7, 192, (1, 7))
        self.branch_pool = Conv(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
                self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
                self.branch_pool(average_without_padding(x)),
            ],
            1,
        )


class Reduce17(nn.Module):
    """17x17 -> 8x8 (Mixed_7a): 768 -> 1280 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(768, 192)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2, pad=False)
        self.branch7x7x3_1 = Conv(768, 192)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1))
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2, pad=False)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat(
            [self.branch3x3_2(self.branch3x3_1(x)), self.branch7x7x3_4(seven), halve(x)], 1
        )


class Block8(nn.Module):
    """8x8 grid (Mixed_7b, 7c): branches that fan out into 1x3 and 3x1 -> 2048 channels."""

    def __init__(self, cin: int, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = Conv(cin, 320)
        self.branch3x3_1 = Conv(cin, 384)
        self.branch3x3_2a = Conv(384, 384, (1, 3))
        self.branch3x3_2b = Conv(384, 384, (3, 1))
        self.branch3x3dbl_1 = Conv(cin, 448)
        self.branch3x3dbl_2 = Conv(448, 384, 3)
        self.branch3x3dbl_3a = Conv(384, 384, (1, 3))
        self.branch3x3dbl_3b = Conv(384, 384, (3, 1))
        self.branch_pool = Conv(cin, 192)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(single),
                self.branch3x3_2b(single),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(self.pool(x)),
            ],
            1,
        )


class Inception2015(nn.Module):
    """Images [N, 3, 299, 299] in -1..1 -> features [N, 2048] in the dtype of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2, pad=False)  # 149
        self.Conv2d_2a_3x3 = Conv(32, 32, 3, pad=False)  # 147
        self.Conv2d_2b_3x3 = Conv(32, 64, 3)  # 147, halved to 73
        self.Conv2d_3b_1x1 = Conv(64, 80)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, pad=False)  # 71, halved to 35
        self.Mixed_5b = Block35(192, 32)
        self.Mixed_5c = Block35(256, 64)
        self.Mixed_5d = Block35(288, 64)
        self.Mixed_6a = Reduce35(288)
        self.Mixed_6b = Block17(128)
        self.Mixed_6c = Block17(160)
        self.Mixed_6d = Block17(160)
        self.Mixed_6e = Block17(192)
        self.Mixed_7a = Reduce17()
        self.Mixed_7b = Block8(1280, average_without_padding)
        self.Mixed_7c = Block8(2048, maximum)

    def fuse(self, fused: bool) -> None:
        """Whether convolutions and ReLU are one call from now on."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fused = fused

    def stem(self, x: Tensor) -> Tensor:
        """[N, 3, 299, 299] -> [N, 192, 35, 35]: the layers with the largest pictures."""
        x = halve(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        return halve(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))

    def forward(self, x: Tensor) -> Tensor:
        if self.Conv2d_1a_3x3.fused:  # a quarter of the memory, as fast
            x = torch.cat([self.stem(part) for part in x.split(4)])
        else:
            x = self.stem(x)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(dim=(2, 3))

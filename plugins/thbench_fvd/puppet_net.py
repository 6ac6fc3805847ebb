"""The network of extractor `puppet-video`: eight convolutions from 16 frames of 64x64 to 128 features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FEATURES", "SIDE", "WINDOW", "PuppetVideoNet", "folded", "resized"]

SIDE = 64
"""Height and width of the input in pixels."""
WINDOW = 16
"""Frames of the input."""
FEATURES = 128
Size = tuple[int, int, int]
# output channels, kernel and stride over (time, height, width); sizes after each, from 16 x 64 x 64
LAYERS: tuple[tuple[int, Size, Size], ...] = (
    (24, (1, 3, 3), (1, 2, 2)),  # 16 x 32 x 32
    (32, (1, 3, 3), (1, 2, 2)),  # 16 x 16 x 16
    (64, (1, 3, 3), (1, 2, 2)),  # 16 x  8 x  8
    (64, (3, 1, 1), (1, 1, 1)),
    (96, (3, 3, 3), (2, 2, 2)),  #  8 x  4 x  4
    (96, (3, 1, 1), (1, 1, 1)),
    (128, (3, 3, 3), (2, 2, 2)),  # 4 x  2 x  2
)


class PuppetVideoNet(nn.Module):
    """Windows [N, 3, 16, 64, 64] in -1..1 -> features [N, 128].

    The last convolution spans its whole input, 4 x 2 x 2: an average over time would forget in which
    order things happened. With `trained` False every other convolution is followed by a batch norm, as
    in training; with True the batch norms are folded into the convolutions' biases.
    """

    def __init__(self, trained: bool = True) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        cin = 3
        for cout, kernel, stride in LAYERS:
            pad = tuple(k // 2 for k in kernel)
            self.convs.append(nn.Conv3d(cin, cout, kernel, stride, pad, bias=trained))
            self.norms.append(nn.Identity() if trained else nn.BatchNorm3d(cout))
            cin = cout
        self.whole = nn.Conv3d(cin, FEATURES, (4, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        out: Tensor = self.whole(x)
        return out.flatten(1)


def resized(windows: Tensor) -> Tensor:
    """[N, T, H, W, 3] uint8 of any size -> [N, 3, T, 64, 64] float32 in -1..1: area means, or bilinear up."""
    n, t = windows.shape[:2]
    x = windows.flatten(0, 1).permute(0, 3, 1, 2).float()
    if x.shape[-1] > SIDE:
        x = F.interpolate(x, (SIDE, SIDE), mode="area")
    elif x.shape[-1] < SIDE:
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return (x / 127.5 - 1).reshape(n, t, 3, SIDE, SIDE).transpose(1, 2)


def folded(network: PuppetVideoNet) -> PuppetVideoNet:
    """The same function without batch norms, for inference."""
    out = PuppetVideoNet(trained=True)
    out.whole.load_state_dict(network.whole.state_dict())
    with torch.no_grad():
        for source, norm, target in zip(network.convs, network.norms, out.convs, strict=True):
            assert isinstance(norm, nn.BatchNorm3d) and isinstance(source, nn.Conv3d)
            assert isinstance(target, nn.Conv3d) and target.bias is not None
            assert norm.running_var is not None and norm.running_mean is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            target.weight.copy_(source.weight * scale[:, None, None, None, None])
            target.bias.copy_(norm.bias - norm.running_mean * scale)
    return out.eval().requires_grad_(False)

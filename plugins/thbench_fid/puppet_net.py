"""The network of extractor `puppet-v1`: seven convolutions from 64x64 pixels to 128 features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FEATURES", "SIDE", "PuppetNet", "folded", "resized"]

SIDE = 64
"""Height and width of the input in pixels."""
FEATURES = 128
# output channels and stride of each 3x3 convolution: 64 -> 32 -> 16 -> 8 -> 4
LAYERS = ((32, 2), (48, 2), (48, 1), (96, 2), (96, 1), (128, 2), (FEATURES, 1))


class PuppetNet(nn.Module):
    """Images [N, 3, 64, 64] in -1..1 -> features [N, 128], averaged over the last 4x4 positions.

    With `trained` False every convolution is followed by a batch norm, as in training; with True the
    batch norms are folded into the convolutions' biases.
    """

    def __init__(self, trained: bool = True) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        cin = 3
        for cout, stride in LAYERS:
            self.convs.append(nn.Conv2d(cin, cout, 3, stride, 1, bias=trained))
            self.norms.append(nn.Identity() if trained else nn.BatchNorm2d(cout))
            cin = cout

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return x.mean(dim=(2, 3))


def resized(frames: Tensor) -> Tensor:
    """[N, H, W, 3] uint8 of any size -> [N, 3, 64, 64] float32 in -1..1: area means, or bilinear up."""
    x = frames.permute(0, 3, 1, 2).float()
    if x.shape[-1] > SIDE:
        x = F.interpolate(x, (SIDE, SIDE), mode="area")
    elif x.shape[-1] < SIDE:
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return x / 127.5 - 1


def folded(network: PuppetNet) -> PuppetNet:
    """The same function without batch norms, for inference."""
    out = PuppetNet(trained=True)
    with torch.no_grad():
        for source, norm, target in zip(network.convs, network.norms, out.convs, strict=True):
            assert isinstance(norm, nn.BatchNorm2d) and isinstance(source, nn.Conv2d)
            assert isinstance(target, nn.Conv2d) and target.bias is not None
            assert norm.running_var is not None and norm.running_mean is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            target.weight.copy_(source.weight * scale[:, None, None, None])
            target.bias.copy_(norm.bias - norm.running_mean * scale)
    return out.eval().requires_grad_(False)

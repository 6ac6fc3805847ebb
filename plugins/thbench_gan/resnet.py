"""ResNet-18 (He et al. 2015) under the parameter names of the published file, without its classifier.

With `norm="batch"` and width 64 the ImageNet weights `resnet18-f37072fd.pth` load. `norm="group"`
keeps the names and learns from small batches; it behaves alike in training and generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from thbench.api import UserError, reading

Norm = Literal["batch", "group"]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, on values 0..1."""
_FETCH = "fetch it again: thbench weights fetch resnet18-imagenet"


def _norm(kind: Norm, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(4, channels)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, cin: int, cout: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = _norm(norm, cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = _norm(norm, cout)
        self.downsample: nn.Module | None = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, bias=False), _norm(norm, cout)
            )

    def forward(self, x: Tensor) -> Tensor:
        short = x if self.downsample is None else self.downsample(x)
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + short)


class ResNet18(nn.Module):
    """[B, 3, H, W] in -1..1 -> embedding [B, 8 width] and feature maps at H/2, H/4, H/8, H/16, H/32.

    11,176,512 parameters at width 64.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        self.channels = (width, width, 2 * width, 4 * width, 8 * width)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = _norm(norm, width)
        self.layer1 = _stage(width, width, 1, norm)
        self.layer2 = _stage(width, 2 * width, 2, norm)
        self.layer3 = _stage(2 * width, 4 * width, 2, norm)
        self.layer4 = _stage(4 * width, 8 * width, 2, norm)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = ((x + 1) / 2 - self.mean) / self.std
        maps = [torch.relu(self.bn1(self.conv1(x)))]
        x = nn.functional.max_pool2d(maps[0], 3, 2, 1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return x.mean(dim=(2, 3)), maps


def _stage(cin: int, cout: int, stride: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(Block(cin, cout, stride, norm), Block(cout, cout, 1, norm))


def load_imagenet(network: ResNet18, file: Path) -> None:
    """Put the published weights in; the classifier `fc` is left out. Raises UserError."""
    with reading(file, _FETCH):
        state = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(state, Mapping):
        raise UserError(f"{file.name} holds no weights by name", _FETCH)
    try:
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file.name}: weights do not fit: {reason}", _FETCH) from error

"""The trunks of LPIPS: the convolutions of AlexNet and VGG-16 under torchvision's names.

AlexNet is the "one weird trick" form (Krizhevsky 2014), VGG-16 that without batch norms (Simonyan and
Zisserman 2015). LPIPS takes the maps after five ReLUs; what follows the last of them, pools and the
classifier included, is not built.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from thbench.api import UserError, reading

__all__ = ["CHANNELS", "Trunk", "alexnet", "load", "trunk_of", "vgg16"]

CHANNELS: Mapping[str, Sequence[int]] = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
}
"""Channels of the five maps."""
REMEDY = "use torchvision's published file: `thbench weights list` has its address"


class Trunk(nn.Module):
    """Images [N, 3, H, W] -> five maps [N, C, h, w], those after the modules `taps` of `features`."""

    def __init__(self, features: nn.Sequential, taps: Sequence[int]) -> None:
        super().__init__()
        self.features, self.taps = features, tuple(taps)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for i, module in enumerate(self.features):
            x = module(x)
            if i in self.taps:
                maps.append(x)
        return maps


def alexnet() -> Trunk:
    """ReLUs 1, 4, 7, 9, 11 of torchvision's `features`."""
    layers = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(),  # tap 1
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),  # tap 4
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),  # tap 7
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),  # tap 9
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),  # tap 11
    ]  # fmt: skip
    return Trunk(nn.Sequential(*layers), (1, 4, 7, 9, 11))


def vgg16() -> Trunk:
    """The last ReLU of each of the five blocks: 3, 8, 15, 22, 29 of torchvision's `features`."""
    layers: list[nn.Module] = []
    cin = 3
    for block, (cout, convolutions) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        layers += [nn.MaxPool2d(2)] if block else []
        for _ in range(convolutions):
            layers += [nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU()]
            cin = cout
    return Trunk(nn.Sequential(*layers), (3, 8, 15, 22, 29))


def trunk_of(net: str) -> Trunk:
    return alexnet() if net == "alex" else vgg16()


def load(path: Path, net: str) -> Trunk:
    """The trunk `alex` or `vgg` of a published file. Raises UserError for any other file."""
    with reading(path, REMEDY):
        mapped = zipfile.is_zipfile(path)  # files older than the zip format cannot be
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path.name} holds no state dict of tensors", REMEDY)
    trunk = trunk_of(net)
    wanted = trunk.state_dict()
    for key, tensor in wanted.items():
        if key not in state:
            raise UserError(f"{path.name} is no {net} trunk: {key} is missing", REMEDY)
        if state[key].shape != tensor.shape:
            shapes = f"{tuple(state[key].shape)}, not {tuple(tensor.shape)}"
            raise UserError(f"{path.name} is no {net} trunk: {key} is {shapes}", REMEDY)
    unknown = [k for k in state if k not in wanted and not str(k).startswith("classifier.")]
    if unknown:
        raise UserError(f"{path.name} is no {net} trunk: it holds {unknown[0]}", REMEDY)
    trunk.load_state_dict({key: state[key] for key in wanted})
    return trunk.eval().requires_grad_(False)

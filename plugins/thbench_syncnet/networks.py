"""The two streams of SyncNet, under the parameter names of the published file.

Source: Chung & Zisserman, Out of time: automated lip sync in the wild (2016); layer sizes as in
`syncnet_v2.model`. A lip window is five frames, an audio window 20 MFCC columns of the same 0.2 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thbench.api import UserError, reading

LIP_FRAMES = 5
MFCC_COLUMNS = 20
SIZE = 224
"""Height and width of a lip frame in pixels."""
DIMENSIONS = 1024
FETCH = "fetch it again: thbench weights fetch syncnet"


def _lip(
    cin: int, cout: int, *, kernel: int, stride: int, pad: int, frames: int
) -> list[nn.Module]:
    conv = nn.Conv3d(
        cin, cout, (frames, kernel, kernel), stride=(1, stride, stride), padding=(0, pad, pad)
    )
    return [conv, nn.BatchNorm3d(cout), nn.ReLU()]


def _lip_pool(pad: int) -> nn.Module:
    return nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, pad, pad))


def _sound(cin: int, cout: int, kernel: tuple[int, int], pad: int) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, kernel, padding=pad), nn.BatchNorm2d(cout), nn.ReLU()]


def _stack(*blocks: list[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*chain.from_iterable(blocks))


def _head() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, DIMENSIONS)
    )


class SyncNet(nn.Module):
    """Both streams in the published, three-dimensional form; `folded.Folded` evaluates it faster."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = _stack(
            _sound(1, 64, (3, 3), 1),
            [nn.Identity()],  # the published network pools 1x1 here, which keeps index 3
            _sound(64, 192, (3, 3), 1),
            [nn.MaxPool2d(3, stride=(1, 2))],
            _sound(192, 384, (3, 3), 1),
            _sound(384, 256, (3, 3), 1),
            _sound(256, 256, (3, 3), 1),
            [nn.MaxPool2d(3, stride=2)],
            _sound(256, 512, (5, 4), 0),
        )
        self.netfcaud = _head()
        self.netcnnlip = _stack(
            _lip(3, 96, kernel=7, stride=2, pad=0, frames=LIP_FRAMES),
            [_lip_pool(pad=0)],
            _lip(96, 256, kernel=5, stride=2, pad=1, frames=1),
            [_lip_pool(pad=1)],
            _lip(256, 256, kernel=3, stride=1, pad=1, frames=1),
            _lip(256, 256, kernel=3, stride=1, pad=1, frames=1),
            _lip(256, 256, kernel=3, stride=1, pad=1, frames=1),
            [_lip_pool(pad=0)],
            _lip(256, 512, kernel=6, stride=1, pad=0, frames=1),
        )
        self.netfclip = _head()

    def lip(self, windows: Tensor) -> Tensor:
        """[N, 3, 5, 224, 224] BGR 0..255 -> [N, 1024], not normalised."""
        features: Tensor = self.netfclip(self.netcnnlip(windows).flatten(1))
        return features

    def sound(self, windows: Tensor) -> Tensor:
        """[N, 1, 13, 20] MFCC -> [N, 1024], not normalised."""
        features: Tensor = self.netfcaud(self.netcnnaud(windows).flatten(1))
        return features


def syncnet(state: Mapping[str, Any]) -> SyncNet:
    """The network in evaluation mode with `state` loaded strictly. Raises UserError where it does not fit."""
    network = SyncNet()
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise UserError(
            f"these are not SyncNet's weights: {str(error).splitlines()[0]}",
            FETCH,
        ) from error
    return network.eval().requires_grad_(False)


def load_syncnet(path: Path) -> SyncNet:
    """Reads `syncnet_v2.model` (a state dict; nothing in the file is executed). Raises UserError."""
    with reading(path, FETCH):
        state = torch.load(path, map_location="cpu", weights_only=True)
    return syncnet(state)

"""The network `puppet-v1`: 68 landmarks of a drawn face, from weights that ship with the plugin.

It was trained on the exact landmarks of puppets (see `thbench_face.train_puppet`), so that suites of
puppets have landmark metrics without a download. It knows no photographs.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from thbench.api import Frames

__all__ = ["SIDE", "WEIGHTS", "PuppetLandmarks", "PuppetPoints"]

SIDE = 64
"""Height and width of the input in pixels."""
POINTS = 68
BATCH = 16
WEIGHTS = Path(__file__).with_name("puppet_points_v1.safetensors")


class PuppetPoints(nn.Module):
    """Images [N, 3, 64, 64] in -1..1 -> landmarks [N, 68, 2], x and y in -1..1 from edge to edge of the picture.

    A small U: what the whole face looks like, at 8x8, is added to the detail at 32x32, where one map per
    landmark says where it lies; the point is the map's mean (integral regression, Sun et al. 2018).
    """

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [_convolution(3, 32, 2), _convolution(32, 48, 2), _convolution(48, 64, 2)]
        )  # 32, 16, 8
        self.whole = nn.Sequential(_convolution(64, 64), _convolution(64, 64), _convolution(64, 64))
        self.up = nn.ModuleList([_convolution(64, 48), _convolution(48, 32)])  # 16, 32
        self.maps = nn.Conv2d(32, POINTS, 1)
        steps = (torch.arange(SIDE // 2) + 0.5) * (4 / SIDE) - 1  # centres of the maps' cells
        self.register_buffer("steps", steps, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = []
        for layer in self.down:
            x = layer(x)
            seen.append(x)
        x = x + self.whole(x)
        for layer, skip in zip(self.up, (seen[1], seen[0]), strict=True):
            x = F.interpolate(layer(x), scale_factor=2, mode="nearest") + skip
        weight = self.maps(x).flatten(2).softmax(-1).unflatten(2, (SIDE // 2, SIDE // 2))
        across, down = weight.sum(2) @ self.steps, weight.sum(3) @ self.steps
        return torch.stack([across, down], dim=-1)


def _convolution(cin: int, cout: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, stride, 1), nn.GroupNorm(8, cout), nn.ReLU(inplace=True)
    )


class PuppetLandmarks:
    """[T, 68, 2] x, y in pixels of the frames (pixel centres at integers), iBUG order."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        from safetensors.torch import load_file

        self._network = PuppetPoints()
        self._network.load_state_dict(load_file(weights))
        self._network.eval().requires_grad_(False)

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        size = frames.shape[1]
        small = torch.from_numpy(np.stack([resized(f) for f in frames]))
        found = []
        with torch.inference_mode():
            for rows in torch.split(small, BATCH):
                fixed = rows[torch.arange(BATCH).clamp(max=len(rows) - 1)]  # one shape, one result
                found.append(self._network(normalised(fixed))[: len(rows)].numpy())
        return np.asarray((np.concatenate(found) + 1) * (size / 2) - 0.5, np.float32)


def resized(frame: Frames) -> Frames:
    """[64, 64, 3] uint8: averages of areas, or bilinear up."""
    if frame.shape[0] == SIDE:
        return frame
    how = cv2.INTER_AREA if frame.shape[0] > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (SIDE, SIDE), interpolation=how), np.uint8)


def normalised(frames: Tensor) -> Tensor:
    """[N, 64, 64, 3] uint8 -> [N, 3, 64, 64] float32 in -1..1."""
    return frames.permute(0, 3, 1, 2).float() / 127.5 - 1

"""Features of a drawn face and the linear map that reads points, pose and eyes from them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from thbench_fid.puppet_features import WEIGHTS as FEATURE_WEIGHTS
from thbench_fid.puppet_net import PuppetNet, resized

__all__ = ["EYE_BAND", "OUTPUTS", "feature_network", "features", "read"]

EYE_BAND = slice(4, 11)
"""Rows of the 16 x 16 map in which a puppet's eyes lie, however the head nods."""
OUTPUTS = 2 * 68 + 3 + 1
"""x, y of 68 points in -1..1 of the picture; yaw, pitch, roll in degrees; openness of the eyes."""


def feature_network() -> PuppetNet:
    """The network of the extractor `puppet-v1` of thbench_fid, as it ships."""
    network = PuppetNet()
    network.load_state_dict(load_file(FEATURE_WEIGHTS))
    return network.eval().requires_grad_(False)


def features(frames: Tensor, network: PuppetNet) -> Tensor:
    """[N, 10496] float32 of [N, H, W, 3] uint8: maps of the third and the last convolution.

    The third, 16 x 16 x 48, in rows of the eyes as it is and elsewhere averaged to 8 x 8; the last, 4 x 4 x 128.
    """
    x = resized(frames)
    found = []
    for place, (conv, norm) in enumerate(zip(network.convs, network.norms, strict=True)):
        x = F.relu(norm(conv(x)))
        if place == 2:
            found += [x[:, :, EYE_BAND].flatten(1), F.avg_pool2d(x, 2).flatten(1)]
    return torch.cat([*found, x.flatten(1)], dim=1)


def read(seen: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """[N, 140] `OUTPUTS` of features [N, 10496]: scaled, and times the matrix of `thbench_expression.train_puppet`."""
    scaled = (seen - weights["mean"]) / weights["scale"]
    return scaled @ weights["matrix"].float() + weights["offset"]


def load(path: Path) -> dict[str, Tensor]:
    return load_file(path)

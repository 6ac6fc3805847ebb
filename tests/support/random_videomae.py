"""A VideoMAE of the published structure, small, with random weights that are the same on every machine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from thbench_fvd.videomae import Shape, VideoMae

TINY = Shape(side=224, frames=16, patch=14, tubelet=2, width=24, depth=2, heads=3, hidden=48)
"""Side and patch are the published ones: the peer's positions are made for 8 x 16 x 16 cubes."""


def random_videomae_state() -> dict[str, Tensor]:
    rng = np.random.RandomState(2023)
    return {
        key: torch.tensor(rng.standard_normal(tuple(t.shape)) * 0.2, dtype=torch.float32)
        for key, t in VideoMae(TINY).state_dict().items()
    }

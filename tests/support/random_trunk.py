"""Random trunks for LPIPS that tell two implementations apart, the same on every machine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from thbench_lpips.network import Trunk, trunk_of

SEED = {"alex": 2012, "vgg": 2014}
PAIRS = ((40, 1), (64, 2), (128, 3))
"""(size, seed) of the pairs of pictures compared."""


def random_state(net: str) -> dict[str, Tensor]:
    """Published keys -> He-normal float32 tensors from numpy's frozen legacy generator."""
    rng = np.random.RandomState(SEED[net])
    state = {}
    for key, tensor in trunk_of(net).state_dict().items():
        shape = tuple(tensor.shape)
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.1
        state[key] = torch.tensor(rng.standard_normal(shape) * spread, dtype=torch.float32)
    return state


def random_trunk(net: str, dtype: torch.dtype = torch.float64) -> Trunk:
    trunk = trunk_of(net)
    trunk.load_state_dict(random_state(net))
    return trunk.eval().requires_grad_(False).to(dtype)


def pair_of(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two [2, size, size, 3] uint8 batches: blocky colours, and the same shifted, darker and noisy."""
    rng = np.random.RandomState(seed)
    cells = rng.randint(0, 256, (2, 8, 8, 3)).repeat(size // 8, 1).repeat(size // 8, 2)
    other = np.roll(cells, 2, axis=2) * 0.9 + rng.randint(0, 20, cells.shape)
    return cells.astype(np.uint8), other.clip(0, 255).astype(np.uint8)

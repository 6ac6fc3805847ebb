"""A random I3D state dict that tells two implementations apart, the same on every machine.

Convolutions are He-normal from numpy's frozen legacy generator. The means and variances of the batch norms
come out of a forward pass of the peer and are stored in `reference.npz`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thbench_fvd.i3d import I3d

REFERENCE = Path(__file__).resolve().parents[1] / "builtin" / "fvd" / "reference.npz"
SEED = 1705
FRAMES = 10
SIZES = (64, 128)
"""Pixels of the two windows compared, so that every resize really resizes."""


def random_state(statistics: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Published keys (pytorch-i3d) -> float32 tensors."""
    rng = np.random.RandomState(SEED)
    state: dict[str, Tensor] = {}
    for name, conv in I3d().named_modules():
        if not isinstance(conv, nn.Conv3d):
            continue
        shape = tuple(conv.weight.shape)
        he = np.sqrt(2 / np.prod(shape[1:]))
        arrays = {"conv3d.weight": rng.standard_normal(shape) * he}
        if name == "logits":
            arrays["conv3d.bias"] = rng.uniform(-0.5, 0.5, shape[0])
        else:
            arrays |= {
                "bn.weight": rng.uniform(0.5, 1.5, shape[0]),
                "bn.bias": rng.uniform(-0.5, 0.5, shape[0]),
                "bn.running_mean": statistics.get(f"{name}.bn.running_mean", np.zeros(shape[0])),
                "bn.running_var": statistics.get(f"{name}.bn.running_var", np.ones(shape[0])),
            }
        state |= {f"{name}.{k}": torch.tensor(v, dtype=torch.float32) for k, v in arrays.items()}
    return state


def window(size: int, seed: int) -> NDArray[np.uint8]:
    """[10, size, size, 3]: blocky colours that move a pixel per frame under a brightening."""
    rng = np.random.RandomState(seed)
    cells = rng.randint(0, 200, (8, 8, 3)).repeat(size // 8, 0).repeat(size // 8, 1)
    frames = [np.roll(cells, t, axis=1) + 5 * t for t in range(FRAMES)]
    return np.stack(frames).clip(0, 255).astype(np.uint8)

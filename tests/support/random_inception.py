"""A random Inception state dict that tells two implementations apart, the same on every machine.

Torch's default initialisation collapses the features (spread 5e-8 of their norm), so that any two
implementations agree. He-normal convolutions and batch norms calibrated on data keep them apart. The
convolutions come from numpy's frozen legacy generator; the calibrated means and variances are stored
in `reference.npz`, for they come out of a forward pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench_fid.network import Inception2015

REFERENCE = Path(__file__).resolve().parents[1] / "builtin" / "fid" / "reference.npz"
SEED = 2015


def random_state(statistics: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Published keys -> float32 tensors; `statistics` gives `<layer>.bn.running_mean` and `_var`."""
    rng = np.random.RandomState(SEED)
    state: dict[str, Tensor] = {}
    for name, conv in Inception2015().named_modules():
        if not isinstance(conv, torch.nn.Conv2d):
            continue
        shape = tuple(conv.weight.shape)
        he = np.sqrt(2 / np.prod(shape[1:]))
        arrays = {
            "conv.weight": rng.standard_normal(shape) * he,
            "bn.weight": rng.uniform(0.5, 1.5, shape[0]),
            "bn.bias": rng.uniform(-0.5, 0.5, shape[0]),
            "bn.running_mean": statistics.get(f"{name}.bn.running_mean", np.zeros(shape[0])),
            "bn.running_var": statistics.get(f"{name}.bn.running_var", np.ones(shape[0])),
        }
        state |= {f"{name}.{k}": torch.tensor(v, dtype=torch.float32) for k, v in arrays.items()}
    state["fc.weight"] = torch.zeros(1008, 2048)
    state["fc.bias"] = torch.zeros(1008)
    return state


def checksum(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode() + state[key].numpy().tobytes())
    return digest.hexdigest()


def spread(features: NDArray[np.floating]) -> float:
    """Mean distance from the mean feature, in units of the mean norm."""
    away = np.linalg.norm(features - features.mean(0), axis=1)
    return float(away.mean() / np.linalg.norm(features, axis=1).mean())


def synthetic_frames(n: int, size: int, seed: int) -> NDArray[np.uint8]:
    """[n, size, size, 3]: blocky colours at three scales under a sharp moving edge, integers only."""
    rng = np.random.RandomState(seed)
    frames = np.zeros((n, size, size, 3), np.int64)
    for cells, weight in ((4, 4), (16, 2), (64, 1)):
        noise = rng.randint(0, 32, (n, cells, cells, 3))
        frames += weight * noise.repeat(size // cells, 1).repeat(size // cells, 2)
    for t in range(n):
        frames[t, :, : (t + 1) * size // (n + 1)] += 30 + 10 * (seed % 3)
    return frames.clip(0, 255).astype(np.uint8)


KEPT = 4
"""Every fourth feature is stored."""
SETS = ((300, 1, 0.0), (320, 2, 0.02))
"""(frames, seed, shift) of the two feature sets that statistics are compared on."""


def frames_of(part: str) -> list[NDArray[np.uint8]]:
    """Two frames each of 64, 128 and 512 pixels; `part` is generated or reference."""
    seed = {"generated": 1, "reference": 2}[part]
    return [synthetic_frames(2, size, seed=10 * seed + i) for i, size in enumerate((64, 128, 512))]


def feature_set(n: int, seed: int, shift: float, d: int = 2048) -> NDArray[np.float64]:
    """[n, d] float64: sparse mixtures of a decaying spectrum, cut off at 0 as features after ReLU are."""
    mixing = np.random.RandomState(7).standard_normal((64, d))
    scale = np.exp(-np.arange(64) / 20)
    rng = np.random.RandomState(seed)
    noise = 0.3 * rng.standard_normal((n, d))
    return np.maximum((rng.standard_normal((n, 64)) * scale) @ mixing / 4 + noise + 0.4 + shift, 0)

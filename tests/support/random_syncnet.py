"""A SyncNet of random weights that any machine makes again bit for bit, and a clip to feed it.

Uses only integer and exact float arithmetic on a byte stream whose values numpy guarantees
(RandomState), so that stored reference values stay valid: `checksum` proves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thbench_syncnet.networks import SyncNet

FRAMES = 21
"""16 windows."""


def random_state(seed: int, norms: Mapping[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    """He-normal weights (sum of four bytes, which is normal enough), biases 0, batch norms from `norms`."""
    stream = np.random.RandomState(seed)
    state = {}
    for name, value in SyncNet().state_dict().items():
        if value.dim() > 1:
            scale = np.float64(2.0 / value[0].numel()) ** 0.5
            state[name] = torch.from_numpy(_bell(stream, value.shape) * np.float32(scale))
        elif name in norms:
            state[name] = torch.from_numpy(norms[name])
        elif name.endswith("weight"):
            state[name] = torch.ones_like(value)
        else:
            state[name] = torch.zeros_like(value)
    return state


def _bell(stream: np.random.RandomState, shape: torch.Size) -> NDArray[np.float32]:
    """Sums of four uniform bytes, shifted to mean 0 and scaled to variance 1."""
    raw = np.frombuffer(stream.bytes(4 * int(np.prod(shape))), np.uint8).reshape(-1, 4)
    centred = raw.sum(axis=1, dtype=np.int32) - 510
    return (centred / np.sqrt((256**2 - 1) / 3.0)).astype(np.float32).reshape(shape)


def calibrated_norms(
    state: dict[str, torch.Tensor], lip: torch.Tensor, sound: torch.Tensor
) -> dict[str, NDArray[np.float32]]:
    """Running means and variances of every batch norm on data, so that features do not collapse.

    lip    [N, 3, 5, 224, 224]
    sound  [N, 1, 13, 20]
    """
    network = SyncNet()
    network.load_state_dict(state)
    network.double()
    norms = {
        n: m for n, m in network.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    }
    for norm in norms.values():
        norm.momentum = 1.0
    with torch.no_grad():
        network.lip(lip.double())
        network.sound(sound.double())
    return {
        f"{name}.{part}": getattr(norm, part).float().numpy()
        for name, norm in norms.items()
        for part in ("running_mean", "running_var")
    }


def synthetic_clip() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """[21, 224, 224, 3] RGB coarse noise and [21 * 640] samples of bursts: nobody's face or voice."""
    stream = np.random.RandomState(6)
    coarse = np.frombuffer(stream.bytes(FRAMES * 14 * 14 * 3), np.uint8).reshape(FRAMES, 14, 14, 3)
    frames = coarse.repeat(16, axis=1).repeat(16, axis=2)
    noise = np.frombuffer(stream.bytes(2 * FRAMES * 640), np.int16).astype(np.int32)
    loudness = np.frombuffer(stream.bytes(FRAMES), np.uint8).repeat(640).astype(np.int32)
    return frames, (noise * loudness // 256).astype(np.int16)


def planted_faces() -> list[NDArray[np.float64]]:
    """Boxes of 60 frames: one person throughout with gaps, another who leaves."""
    stream = np.random.RandomState(3)
    faces = []
    for t in range(60):
        left = np.array([6.0 + 0.1 * t, 8, 32 + 0.1 * t, 36]) + stream.random_sample(4)
        right = np.array([50.0, 5, 76, 30]) + stream.random_sample(4)
        seen = [left] * (t % 9 != 4) + [right] * (t < 40)
        faces.append(np.stack(seen[:: 1 if t % 2 else -1]) if seen else np.empty((0, 4)))
    return faces


def planted_frames() -> NDArray[np.uint8]:
    """[60, 48, 80, 3] coarse noise."""
    raw = np.random.RandomState(4).bytes(60 * 6 * 10 * 3)
    coarse = np.frombuffer(raw, np.uint8).reshape(60, 6, 10, 3)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def checksum(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values in name order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + state[name].numpy().tobytes())
    return digest.hexdigest()

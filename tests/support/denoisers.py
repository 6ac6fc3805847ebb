"""Very small denoisers, as checkpoints and as trainers, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from thbench.api import Context, Request, Source
from thbench.training.checkpoint import write_checkpoint
from thbench_ddpm.networks import Denoiser, LandmarkPredictor
from thbench_ddpm.options import Architecture, Options
from thbench_ddpm.trainer import DdpmTrainer

SIZE = 32
TINY: dict[str, Any] = {
    "channels": 32, "multiples": (1, 1), "blocks": 1, "heads": 2, "dropout": 0.1, "patch": 2,
    "audio": "mel", "audio_code": 8, "predicts": "v",
}  # fmt: skip


def context(batch: int = 4) -> Context:
    return cast(Context, SimpleNamespace(device="cpu", batch=batch))


def randomised(network: nn.Module) -> nn.Module:
    """Last layers of branches start at 0; a network that draws something has none there."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.05)
    return network


TOYS = {"dataset": "toy", "actors": ["1001", "1002"]}


def checkpoint(
    file: Path,
    size: int = SIZE,
    trained_on: Mapping[str, Any] = TOYS,
    options: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A checkpoint of random weights, said to be trained on two toy actors."""
    torch.manual_seed(0)
    a = Architecture(**{**TINY, **changes})
    networks: dict[str, nn.Module] = {"denoiser": randomised(Denoiser(a))}
    if a.landmarks:
        networks["predictor"] = randomised(LandmarkPredictor(a.audio_code))
    tensors = {f"{n}/{k}": v for n, m in networks.items() for k, v in m.state_dict().items()}
    about: Mapping[str, Any] = {
        "generator": "ddpm", "size": size, "step": 1, "pretrained": {},
        "architecture": a.described(),
        "trained_on": trained_on,
        **({} if options is None else {"options": options}),
    }  # fmt: skip
    write_checkpoint(file, tensors, about)
    return file


def trainer(size: int = SIZE, architecture: Mapping[str, Any] | None = None, **options: Any) -> Any:
    torch.manual_seed(0)
    a = Architecture(**{**TINY, **(architecture or {})})
    return DdpmTrainer(Options(architecture=a, **options), context(), size)


def source(n: int = 9, size: int = SIZE, landmarks: bool = True) -> Source:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    points = np.tile(np.linspace(4, size - 4, 68, dtype=np.float32)[None, :, None], (n, 1, 2))
    audio = rng.integers(-9000, 9000, n * 640).astype(np.int16)
    return Source(frames, audio, {"landmarks": points} if landmarks else {})


def request(clip: str, n: int = 5, seed: int | None = None, size: int = SIZE) -> Request:
    """One clip; its picture, sound and seed are its name's unless given."""
    rng = np.random.default_rng(list(clip.encode()))
    identity = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    audio = rng.integers(-9000, 9000, n * 640).astype(np.int16)
    own = int(rng.integers(1 << 40)) if seed is None else seed
    return Request(clip, identity, audio, n, size, own)

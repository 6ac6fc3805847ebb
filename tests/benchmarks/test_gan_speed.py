"""Speed of the GAN: generation at 64 and 128 px, and a training step. Never asserts times.

python -m pytest --benchmark-only tests/benchmarks/test_gan_speed.py
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from thbench.api import Context, Request, Source
from thbench.training.data import tensors
from thbench_gan.generator import GanGenerator
from thbench_gan.networks import Generator
from thbench_gan.options import Architecture, Options
from thbench_gan.trainer import GanTrainer

CONTEXT = cast(Context, SimpleNamespace(device="cpu"))
FRAMES = 64
SMALL = Architecture(
    identity="scratch", identity_width=12, audio_code=64, noise=8, hidden=128, widest=96,
    narrowest=16, output="identity",
)  # fmt: skip
PAPER = Architecture(identity="scratch")
"""The paper's sizes; weights do not matter for speed."""


pytestmark = pytest.mark.usefixtures("one_thread")


def fresh(a: Architecture, size: int) -> GanGenerator:
    """A generator with random weights: the shipped one's class without its checkpoint."""
    generator = GanGenerator.__new__(GanGenerator)
    generator.trained_on, generator.size, generator.device = None, size, "cpu"
    generator._encoder, generator._origin = a.audio, None
    generator.network = Generator(a, size).eval().requires_grad_(False)
    return generator


def request(size: int) -> Request:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    audio = rng.integers(-9000, 9000, FRAMES * 640).astype(np.int16)
    return Request("clip", identity, audio, FRAMES, size, 0)


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("name", ["small", "paper"])
def test_frames_of_generation(benchmark: Any, name: str, size: int) -> None:
    generator = fresh(SMALL if name == "small" else PAPER, size)
    asked = request(size)
    benchmark.extra_info["frames"] = FRAMES
    benchmark(lambda: list(generator.generate([asked])))
    benchmark.extra_info["frames_per_second"] = round(FRAMES / benchmark.stats["mean"], 1)


def test_step_of_training(benchmark: Any) -> None:
    """Both phases of the shipped model's step: four windows of eight frames at 64 px."""
    options = Options(architecture=SMALL, frames=8, lead=16, discriminator_width=12)
    trainer = GanTrainer(options, CONTEXT, 64)
    rng = np.random.default_rng(0)
    source = Source(
        rng.integers(0, 256, (40, 64, 64, 3), dtype=np.uint8),
        rng.integers(-9000, 9000, 40 * 640).astype(np.int16),
    )
    cut = trainer.cut(trainer.prepare(source), rng)
    batch = tensors({k: np.stack([v] * 4) for k, v in cut.items()}, "cpu")

    def step() -> None:
        for phase in trainer.phases:
            for name, network in trainer.networks.items():
                network.requires_grad_(name == phase.network)
            trainer.loss(phase.name, batch)[0].backward()  # type: ignore[no-untyped-call]

    benchmark(step)

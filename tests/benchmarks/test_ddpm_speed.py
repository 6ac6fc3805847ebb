"""Speed of the DDPM: evaluations of the network, frames of generation, a training step. Asserts no times.

python -m pytest --benchmark-only tests/benchmarks/test_ddpm_speed.py
THBENCH_BENCH_DEVICE=cuda measures the paper's network in bf16 up to what memory holds.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from thbench.api import Context, Request
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.networks import Denoiser
from thbench_ddpm.options import Architecture, Options

DEVICE = os.environ.get("THBENCH_BENCH_DEVICE", "cpu")
FRAMES = 12
STEPS = 10


pytestmark = pytest.mark.usefixtures("one_thread")


def request(clip: str) -> Request:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    audio = rng.integers(-9000, 9000, FRAMES * 640).astype(np.int16)
    return Request(clip, identity, audio, FRAMES, 64, 0)


@pytest.mark.parametrize("rows", [1, 4, 8])
def test_frames_of_the_shipped_model(benchmark: Any, rows: int) -> None:
    context = cast(Context, SimpleNamespace(device=DEVICE, batch=rows))
    generator = DdpmGenerator(Options(steps=STEPS), context)
    asked = [request(f"clip-{i}") for i in range(rows)]
    benchmark.pedantic(lambda: list(generator.generate(asked)), rounds=3, warmup_rounds=1)
    seconds = benchmark.stats["mean"]
    benchmark.extra_info["frames_per_second"] = round(rows * FRAMES / seconds, 1)


@pytest.mark.parametrize("rows", [1, 8, 32, 128, 256])
def test_evaluations_of_the_papers_network(benchmark: Any, rows: int) -> None:
    """294 M parameters at 64 px in bf16: its rate beside that of plain matrix products in one run."""
    if DEVICE == "cpu":
        pytest.skip("THBENCH_BENCH_DEVICE=cuda: minutes per evaluation otherwise")
    with torch.device(DEVICE):
        network = Denoiser(Architecture(audio="mel")).eval().requires_grad_(False)
    network.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.zeros(rows, 3, 64, 64, device=DEVICE)
    stills, t = torch.zeros(rows, 6, 64, 64, device=DEVICE), torch.zeros(rows, device=DEVICE)
    signals = {"audio": torch.zeros(rows, 4 * 192, device=DEVICE)}

    def evaluate() -> None:
        with torch.inference_mode(), torch.autocast(DEVICE, torch.bfloat16):
            network(x, t, stills, signals)
        torch.cuda.synchronize()

    with FlopCounterMode(display=False) as counter:
        evaluate()
    benchmark.pedantic(evaluate, rounds=5, warmup_rounds=2)
    rate = counter.get_total_flops() / benchmark.stats["min"]
    benchmark.extra_info["share_of_matmul_rate"] = round(rate / matmul_rate(), 3)
    benchmark.extra_info["frames_per_second_at_50_steps"] = round(
        rows / benchmark.stats["min"] / 50, 2
    )


def matmul_rate(n: int = 8192) -> float:
    """FLOP/s of a bf16 product of n x n matrices here."""
    a = torch.randn(n, n, device=DEVICE, dtype=torch.bfloat16)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for _ in range(3):
        a @ a
    start.record()
    for _ in range(10):
        a @ a
    end.record()
    torch.cuda.synchronize()
    return float(2 * n**3 * 10 / (start.elapsed_time(end) / 1000))

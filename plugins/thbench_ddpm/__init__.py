"""The generator `ddpm`: the paper's denoising diffusion model, and what it takes to train it.

docs/ddpm.md shows the network and says what the paper leaves open.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from thbench.api import Context, Generator, Plugin, hookimpl
from thbench.training.contract import Trainer
from thbench.training.missing import missing_checkpoint
from thbench_ddpm.options import Architecture, Options

__all__ = ["Architecture", "Options"]

SHIPPED = Path(__file__).parent / "puppet_v1_64.safetensors"
"""The model that `checkpoint` stands for by default."""


def build(options: Options, context: Context) -> Generator:
    from thbench_ddpm.generator import DdpmGenerator

    return DdpmGenerator(options, context)


def _trainer(options: Options, context: Context, size: int) -> Trainer:
    from thbench_ddpm.trainer import DdpmTrainer

    return DdpmTrainer(options, context, size)


@hookimpl
def thbench_generators() -> Iterable[Plugin[Generator, Any]]:
    """`ddpm`."""
    return [
        Plugin(
            "ddpm",
            Options,
            build,
            summary="the paper's denoising diffusion model: ADM UNet, frame after frame, DDIM steps",
            missing=lambda options: missing_checkpoint(options.checkpoint),
            shipped=lambda options: () if options.checkpoint else (SHIPPED,),
            trainer=_trainer,
        )
    ]

"""The generator `gan`: the paper's conditional GAN (sections 4.1 and 5.1), and what it takes to train it.

docs/gan.md shows both networks and says what the paper leaves open.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from thbench.api import Context, Generator, Plugin, WeightsFile, hookimpl
from thbench.training.contract import Trainer
from thbench.training.missing import missing_checkpoint
from thbench_gan.options import Architecture, Options

__all__ = ["Architecture", "Options"]

SHIPPED = Path(__file__).parent / "puppet_v1_64.safetensors"
"""The model that `checkpoint` stands for by default."""


def build(options: Options, context: Context) -> Generator:
    from thbench_gan.generator import GanGenerator

    return GanGenerator(options, context)


def _trainer(options: Options, context: Context, size: int) -> Trainer:
    from thbench_gan.trainer import GanTrainer

    return GanTrainer(options, context, size)


@hookimpl
def thbench_generators() -> Iterable[Plugin[Generator, Any]]:
    """`gan`."""
    return [
        Plugin(
            "gan",
            Options,
            build,
            summary="the paper's conditional GAN: ResNet-18, LSTM, upsampling CNN, 3D discriminator",
            missing=lambda options: missing_checkpoint(options.checkpoint),
            shipped=lambda options: () if options.checkpoint else (SHIPPED,),
            trainer=_trainer,
        )
    ]


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    """`resnet18-imagenet`: needed to train with `architecture.identity: imagenet`."""
    return [
        WeightsFile(
            name="resnet18-imagenet",
            file="resnet18-f37072fd.pth",
            urls=("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
            sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
            size=46_830_571,
            licence="BSD-3-Clause as part of torchvision; ImageNet's images are for research use",
            commercial=False,
            about="ResNet-18 trained on ImageNet-1k (IMAGENET1K_V1 of torchvision).",
        )
    ]

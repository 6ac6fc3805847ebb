"""What can be chosen. Imports nothing heavy: `thbench list` reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from thbench.training.options import DEFAULTS, TrainingOptions


@dataclass(frozen=True)
class Architecture:
    """What decides the shapes of the generator's weights. Defaults: the paper's form."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    identity: Annotated[
        Literal["imagenet", "scratch"], "ResNet-18 with published weights, frozen, or learnt here"
    ] = "imagenet"
    # oneDNN's weight gradient of a strided 1 x 1 convolution of fewer channels writes past its memory on AVX2
    identity_width: Annotated[int, "channels of the ResNet's first stage", Field(ge=8)] = 64
    audio: Annotated[
        Literal["mel", "sda", "sda-crema"],
        "log-mel encoder learnt here, SDA encoder learnt here, or published and frozen",
    ] = "mel"
    audio_code: Annotated[int, "length of a frame's audio vector (SDA: 256)", Field(ge=1)] = 256
    noise: Annotated[int, "length of the noise vector z", Field(ge=0)] = 16
    hidden: Annotated[int, "of the LSTM", Field(ge=1)] = 512
    widest: Annotated[
        int, "channels of the upsampling CNN at 4 px; halved as it grows", Field(ge=8)
    ] = 512
    narrowest: Annotated[int, "its fewest channels", Field(ge=8)] = 32
    output: Annotated[
        Literal["plain", "identity"],
        "`plain`: the CNN paints the frame (the paper); `identity`: it sees the identity frame's "
        "feature maps, bends the identity frame and paints over it where a mask says so",
    ] = "plain"
    movement: Annotated[
        bool,
        "how head and lids move is told: in training as landmarks show it, in generating that of a training "
        "recording, chosen by the seed",
    ] = False

    def described(self) -> dict[str, Any]:
        """As a checkpoint says it: what was added since is left out where it is off."""
        return {k: v for k, v in asdict(self).items() if k != "movement" or v}


@dataclass(frozen=True)
class Options:
    """Which weights make the videos, and how they are trained."""

    checkpoint: Annotated[
        Path | None, "what `thbench train` wrote; by default the shipped model for puppets at 64 px"
    ] = None
    architecture: Annotated[
        Architecture | None,
        "of the generator; by default the checkpoint's own, in training the paper's",
    ] = None
    init_from: Annotated[
        Path | None,
        "training starts from this checkpoint's generator, of the same resolution; one without `movement` may learn it",
    ] = None
    discriminator_width: Annotated[int, "channels of its first layer", Field(ge=4)] = 32
    frames: Annotated[int, "frames of a training window", Field(ge=2)] = 16
    lead: Annotated[
        int, "frames the LSTM also runs through without drawing them, before or after the window",
        Field(ge=0),
    ] = 0  # fmt: skip
    lambda_pixel: Annotated[float, "weight of L1 in L_G; images in -1..1", Field(ge=0)] = 100.0
    mouth_weight: Annotated[
        float,
        "weight of the mouth's box in L1; 1 is the paper. Landmarks that the dataset has not are found by the face mesh",
        Field(gt=0),
    ] = 1.0
    eye_weight: Annotated[
        float,
        "weight of the eyes' boxes in L1; 1 is the paper. Landmarks as for the mouth",
        Field(gt=0),
    ] = 1.0
    generator_rate: Annotated[float, "learning rate", Field(gt=0)] = 2e-4
    discriminator_rate: Annotated[
        float, "learning rate; other than the generator's: TTUR", Field(gt=0)
    ] = 2e-4
    beta1: Annotated[float, "of Adam, both networks", Field(ge=0, lt=1)] = 0.5
    r1: Annotated[float, "gamma of the R1 penalty on real clips; 0: off", Field(ge=0)] = 0.0
    label_smoothing: Annotated[
        float, "real clips count as 1 minus this for the discriminator; 0: off", Field(ge=0, lt=1)
    ] = 0.0
    training: Annotated[TrainingOptions, "of the loop: see docs/training.md"] = DEFAULTS

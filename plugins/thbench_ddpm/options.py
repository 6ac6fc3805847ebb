"""What can be chosen. Imports nothing heavy: `thbench list` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from thbench.training.options import DEFAULTS, TrainingOptions

PAPER: Mapping[str, Any] = {"frame_noise": "independent", "temperature": 1.0, "motion_level": 0.0}
"""How the paper samples."""
MOST_QUADRATIC = 38
"""Steps of 250 with quadratic spacing: with more, two would be the same."""


@dataclass(frozen=True)
class Architecture:
    """What decides the shapes of weights, by the names of table 1. Defaults: its 64 px column."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    channels: Annotated[int, "base channels C, a multiple of `groups`", Field(ge=1)] = 192
    multiples: Annotated[
        tuple[int, ...], "channels of each resolution, in C; it halves between them",
        Field(min_length=1),
    ] = (1, 2, 3, 4)  # fmt: skip
    blocks: Annotated[int, "residual blocks of each resolution", Field(ge=1)] = 3
    heads: Annotated[int, "of the attention in the middle", Field(ge=1)] = 8
    dropout: Annotated[float, "in residual blocks, in training", Field(ge=0, lt=1)] = 0.1
    groups: Annotated[
        int, "groups of each GroupNorm (ADM: 32); one channel per group removes colour", Field(ge=1)
    ] = 32
    patch: Annotated[
        int, "pixels of a square that becomes channels of one place; 1 is the paper", Field(ge=1)
    ] = 1
    audio: Annotated[
        Literal["sda-crema", "mel"],
        "published SDA encoder, frozen (the paper), or a log-mel encoder learnt here",
    ] = "sda-crema"
    audio_code: Annotated[int, "length of a frame's audio vector (SDA: 256)", Field(ge=1)] = 256
    landmarks: Annotated[bool, "68 landmarks are a signal too, and a predictor of them"] = False
    predicts: Annotated[
        Literal["noise", "v"], "what the network puts out; v: Salimans & Ho 2022, for few steps"
    ] = "noise"

    output: Annotated[
        Literal["plain", "identity"],
        "`plain`: the network paints the frame (the paper); `identity`: it also bends the identity frame and "
        "mixes it in where a mask says so",
    ] = "plain"
    motion_signal: Annotated[
        bool, "how noisy the motion frame is, and whether there is one, is a signal too"
    ] = False

    def __post_init__(self) -> None:
        if self.channels % self.groups:
            raise ValueError(f"channels {self.channels} is not a multiple of groups {self.groups}")
        if (deepest := self.channels * self.multiples[-1]) % self.heads:
            raise ValueError(
                f"{deepest} channels in the middle are no multiple of heads {self.heads}"
            )

    @property
    def smallest(self) -> int:
        """Pixels that become one place in the middle: sizes of images are multiples of it."""
        return self.patch << (len(self.multiples) - 1)

    def described(self) -> dict[str, Any]:
        """As a checkpoint says it: JSON values; what was added since is left out where it is off."""
        values = {**asdict(self), "multiples": list(self.multiples)}
        added = {"motion_signal": False, "output": "plain"}
        return {k: v for k, v in values.items() if k not in added or v != added[k]}


@dataclass(frozen=True)
class Options:
    """Which weights make the videos, how they are sampled, and how they are trained."""

    checkpoint: Annotated[
        Path | None, "what `thbench train` wrote; by default the shipped model for puppets at 64 px"
    ] = None
    steps: Annotated[
        int,
        "denoising steps: round(linspace(0, 249, steps)), or see `spacing`",
        Field(ge=1, le=250),
    ] = 50
    spacing: Annotated[
        Literal["linear", "quadratic"],
        "of the steps; `quadratic`: round(249 (i / steps)^2), i = 1 .. steps, closer where there is little "
        "noise (Song et al. 2021, appendix D.2)",
    ] = "linear"
    eta: Annotated[
        float, "0: DDIM; 1: ancestral sampling, DDPM itself with 250 steps", Field(ge=0, le=1)
    ] = 0.0
    frame_noise: Annotated[
        Literal["trained", "independent", "shared"] | Annotated[float, Field(ge=0, le=1)],
        "noise that the frames of a clip begin with: each its own (the paper), the same for all, or the "
        "correlation of consecutive ones, 0 to 1 (Ge et al. 2023, progressive noise); `trained`: what the "
        "checkpoint's training named, else the paper's",
    ] = "trained"
    temperature: Annotated[
        Literal["trained"] | Annotated[float, Field(ge=0, le=1)],
        "deviation of the noise that frames begin with; less than 1, the paper, draws nearer to the mean of what "
        "the signals leave open; `trained`: what the checkpoint's training named, else 1",
    ] = "trained"
    motion_level: Annotated[
        Literal["trained", "none"] | Annotated[float, Field(ge=0)],
        "deviation of noise put on the motion frame in sampling, images in -1..1; `none`: no motion "
        "frame, for a checkpoint with `motion_signal`; `trained`: what the checkpoint's training named, else 0",
    ] = "trained"
    landmark_source: Annotated[
        Literal["predicted", "oracle", "none"],
        "at inference, for a checkpoint with landmarks; `oracle` also needs `oracle: [landmarks]` "
        "of the system, which keeps it out of the ranking",
    ] = "predicted"
    silence_audio: Annotated[
        bool, "leave the audio signal out: what the others do alone (figure 10)"
    ] = False
    precision: Annotated[Literal["fp32", "bf16"], "arithmetic of sampling"] = "fp32"
    compile: Annotated[bool, "torch.compile for sampling; CUDA graphs on a GPU"] = False
    architecture: Annotated[
        Architecture | None,
        "by default the checkpoint's own, in training the paper's at 64 px",
    ] = None
    init_from: Annotated[
        Path | None, "training starts from this checkpoint's weights, of any resolution"
    ] = None
    learning_rate: Annotated[float, "of the UNet", Field(gt=0)] = 5e-5
    mouth_weight: Annotated[
        float,
        "weight of the mouth's box in the loss; 1: none. Landmarks that the dataset has not are found by the face mesh",
        Field(gt=0),
    ] = 1.2
    motion_noise: Annotated[
        float, "largest deviation of noise on the motion frame in training, images in -1..1: "
        "against drift; 0 is the paper", Field(ge=0),
    ] = 0.0  # fmt: skip
    motion_dropout: Annotated[
        float, "share of examples trained without a motion frame; needs `motion_signal`",
        Field(ge=0, lt=1),
    ] = 0.0  # fmt: skip
    motion_own: Annotated[
        float, "share of examples whose motion frame the model drew itself, in 3 steps, in training",
        Field(ge=0, lt=1),
    ] = 0.0  # fmt: skip
    eye_weight: Annotated[float, "weight of the eyes' boxes in the loss; 1: none", Field(gt=0)] = (
        1.0
    )
    landmark_dropout: Annotated[
        float, "share of examples trained without the landmark signal", Field(ge=0, lt=1)
    ] = 0.0
    gradient_checkpointing: Annotated[
        bool, "blocks are computed again in the backward pass: less memory, a third more time"
    ] = False
    training: Annotated[TrainingOptions, "of the loop: see docs/training.md"] = DEFAULTS

    def __post_init__(self) -> None:
        if self.motion_dropout and not (self.architecture and self.architecture.motion_signal):
            raise ValueError("motion_dropout needs `motion_signal: true` in the architecture")
        if self.spacing == "quadratic" and self.steps > MOST_QUADRATIC:
            raise ValueError(
                f"{self.steps} steps with quadratic spacing: beyond {MOST_QUADRATIC} two would be the same"
            )

    def settled(self, trained: Mapping[str, Any]) -> Options:
        """With values in place of `trained`: those among `trained`, a training's options, else the paper's."""
        found = {}
        for name, paper in PAPER.items():
            if getattr(self, name) == "trained":
                value = trained.get(name, "trained")
                found[name] = paper if value == "trained" else value
        return replace(self, **found)

    @property
    def correlation(self) -> float:
        """Of the noise of consecutive frames. For options that are `settled`."""
        named = {"independent": 0.0, "shared": 1.0}
        return named[self.frame_noise] if isinstance(self.frame_noise, str) else self.frame_noise

    @property
    def deviation(self) -> float:
        """Of the noise that frames begin with. For options that are `settled`."""
        assert self.temperature != "trained"
        return self.temperature

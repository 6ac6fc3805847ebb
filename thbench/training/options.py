"""What a suite may choose of a training. Imports nothing heavy: `thbench list` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

CHOICE = frozenset({"criterion", "validation_clips"})
"""Options that decide which checkpoint is chosen; after a change the choice begins anew."""
MAY_CHANGE = CHOICE | {
    "published",
    "samples",
    "progress_every",
    "steps",
    "log_every",
    "save_every",
    "validate_every",
    "memory",
}
"""Options that may differ when a training is resumed; any other change would mix two trainings."""


@dataclass(frozen=True)
class TrainingOptions:
    """The loop. Learning rates and losses belong to the generator."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    steps: Annotated[int, "updates of every network", Field(ge=1)] = 100_000
    batch: Annotated[int, "examples of one forward pass", Field(ge=1)] = 8
    accumulate: Annotated[int, "forward passes of one update", Field(ge=1)] = 1
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"], "arithmetic of the networks; weights stay fp32"
    ] = "fp32"
    schedule: Annotated[
        Literal["constant", "cosine"], "learning rate over the steps; cosine ends at 0"
    ] = "constant"
    warmup: Annotated[int, "steps over which the learning rate rises from 0", Field(ge=0)] = 0
    clip_grad: Annotated[float | None, "largest norm of a network's gradient", Field(gt=0)] = None
    ema: Annotated[
        float, "decay of the averaged weights that are published; 0: none", Field(ge=0, lt=1)
    ] = 0.0
    seed: Annotated[int, "of weights, order of data, cuts and noise", Field(ge=0)] = 0
    clips_per_actor: Annotated[int | None, "training clips of each actor; all", Field(ge=1)] = None
    validation_clips: Annotated[int, "clips of each validation actor", Field(ge=1)] = 2
    validate_every: Annotated[int, "steps between validations", Field(ge=1)] = 1000
    save_every: Annotated[int, "steps between saved states: what a kill may cost", Field(ge=1)] = (
        500
    )
    log_every: Annotated[int, "steps that a line of train.csv is the mean of", Field(ge=1)] = 10
    criterion: Annotated[
        str | None,
        "validation value that chooses the published checkpoint; `last`: none is chosen; "
        "the generator's own by default",
    ] = None
    published: Annotated[
        Literal["fp32", "fp16"], "numbers in published checkpoints; fp16: half the file"
    ] = "fp32"
    samples: Annotated[
        int,
        "frames of two validation clips that samples.png shows at the end; 0: none",
        Field(ge=0),
    ] = 8
    progress_every: Annotated[
        int,
        "steps between rows of progress.png: what the weights of that step draw of a validation clip; 0: none",
        Field(ge=0),
    ] = 0
    memory: Annotated[int, "MB that loaded clips may take", Field(ge=1)] = 2000


DEFAULTS = TrainingOptions()
"""For the options of a generator: `training: TrainingOptions = DEFAULTS`."""

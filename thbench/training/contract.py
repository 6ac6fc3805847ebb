"""What a generator's plugin supplies to be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.api import Source, TrainedOn

if TYPE_CHECKING:
    from torch import Tensor, nn

Example: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by name. One clip as it is kept, one example cut from it, or a batch of stacked examples."""


@dataclass(frozen=True)
class Phase:
    """One optimiser (AdamW; Adam where `weight_decay` is 0) and the loss it minimises.

    A step runs the phases in their order; within one, only `network` learns.
    """

    name: str
    network: str
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Figure:
    """One plot: columns of the logs by what they are called in the legend."""

    name: str
    title: str
    y_label: str
    train: Mapping[str, str]
    validation: Mapping[str, str]


class Trainer(Protocol):
    """Networks, losses, and how an example is cut from a clip.

    architecture  JSON values that decide the shapes of weights; a checkpoint fits where they are equal
    networks      by name; made from torch's global generator, which the loop has seeded
    published     the networks a generator needs: what a published checkpoint holds
    criteria      values of `validate` that may choose the published checkpoint, the default first
    pretrained    parts that were trained before -> what on, "unknown" where that is not stated; actors of the
                  training's own dataset count as its own
    """

    @property
    def architecture(self) -> Mapping[str, Any]: ...
    @property
    def networks(self) -> Mapping[str, nn.Module]: ...
    @property
    def phases(self) -> Sequence[Phase]: ...
    @property
    def published(self) -> Sequence[str]: ...
    @property
    def criteria(self) -> Mapping[str, Literal["lower", "higher"]]: ...
    @property
    def figures(self) -> Sequence[Figure]: ...
    @property
    def pretrained(self) -> Mapping[str, str | TrainedOn]: ...

    def prepare(self, source: Source) -> Example:
        """What is kept of a clip in memory. Raises ClipFailure where it is of no use."""
        ...

    def cut(self, clip: Example, rng: np.random.Generator) -> Example:
        """One example of fixed shapes; all randomness comes from `rng`."""
        ...

    def loss(self, phase: str, batch: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of one phase, and values for the log. Draws from torch's global generator, which is
        seeded alike for all phases of one step."""
        ...

    def validate(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Means over the batch, without gradients; the networks are in evaluation mode and hold the
        weights that would be published."""
        ...

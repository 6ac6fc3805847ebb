"""Clips that a training uses: training and validation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from thbench.api import Clip, UserError
from thbench.suite.split import Split
from thbench.training.options import TrainingOptions


def training_clips(
    clips: Sequence[Clip], split: Split, options: TrainingOptions
) -> tuple[list[Clip], list[Clip]]:
    """Clips of the training and of the validation actors of a split.

    Of an actor those with the smallest SHA-256 of (seed, clip id) are taken. Raises UserError where
    the split names no training actors, or none of them has a clip, or an actor is tested on as well.
    """
    for part, actors in (("training", split.train), ("validation", split.validation)):
        if both := actors & split.actors:
            raise UserError(
                f"{part} actors {', '.join(sorted(both))} are test actors", "fix the split"
            )
    training = list(_of(clips, split, split.train, options.clips_per_actor, options.seed))
    if not training:
        raise UserError(
            f"split '{split.name}' has no clips of training actors", "list them under `train`"
        )
    chosen_by = options.criterion or ""
    validation = list(_of(clips, split, split.validation, options.validation_clips, options.seed))
    if not validation and chosen_by != "last":
        raise UserError(
            f"split '{split.name}' has no validation actors to choose a checkpoint by",
            "list some under `validation`, or set training.criterion: last",
        )
    return training, validation


def _of(
    clips: Sequence[Clip], split: Split, actors: frozenset[str], limit: int | None, seed: int
) -> Iterator[Clip]:
    for actor in sorted(actors):
        own = [c for c in clips if c.actor == actor and c.id not in split.excluded]
        ranked = sorted(own, key=lambda c: hashlib.sha256(f"{seed}/{c.id}".encode()).digest())
        yield from sorted(ranked[:limit], key=lambda c: c.id)

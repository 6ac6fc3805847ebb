"""Clips that a generator's own tools may look at: those of the validation actors, never the test's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from thbench.api import Clip, Context, Dataset, Source, UserError
from thbench.environment import Settings, apply_threads, default_offline
from thbench.plugins.context import RunContext, build
from thbench.plugins.discovery import registry
from thbench.suite import find_suite, load_suite
from thbench.suite.seeds import request_seed
from thbench.suite.split import select
from thbench.training.clips import training_clips


@dataclass(frozen=True)
class HeldOut:
    """A system's options as the suite gives them, and validation clips at its resolution."""

    options: Any
    context: Context
    size: int
    seed: int
    dataset: Dataset
    clips: Sequence[Clip]

    def sources(self) -> Iterator[tuple[str, int, Source]]:
        """Clip id, the seed a run would give it, and its frames, sound and annotations."""
        for clip in self.clips:
            yield clip.id, request_seed(self.seed, clip.id), self.dataset.load(clip, self.size)


def held_out(
    suite: str, system: str, generator: str, overrides: Sequence[str], n: int, device: str = "cpu"
) -> HeldOut:
    """`n` validation clips for a system of a suite (shipped name or file).

    Raises UserError where the suite or system is unknown, the system is of another generator, or the
    split has no validation actors.
    """
    known, settings = registry(), Settings(device, offline=default_offline())
    loaded = load_suite(find_suite(suite), known, overrides)
    (entrant,) = loaded.only([system]).systems or (None,)
    part = entrant.part if entrant else None
    if entrant is None or part is None or part.plugin.name != generator:
        raise UserError(f"system '{system}' of suite '{loaded.name}' is no {generator}", "name one")
    dataset: Dataset = build(loaded.dataset.registered, loaded.dataset.options, known, settings)
    _, clips = training_clips(
        dataset.clips(), select(loaded, dataset.clips()), part.options.training
    )
    if not clips:
        raise UserError(f"the split of suite '{loaded.name}' has no validation actors", "list some")
    context = RunContext(known, settings, generator)
    apply_threads(settings.threads)
    return HeldOut(
        part.options, context, entrant.resolution, loaded.seed, dataset, tuple(clips[:n])
    )

"""What an outside generator was trained on, as its user declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from thbench.api import TrainedOn, UserError, reading

__all__ = ["Declaring", "declared"]


class Declaring(Protocol):
    """Options that name a data set and the actors of it that were in the training."""

    @property
    def trained_on(self) -> str | None: ...
    @property
    def trained_actors(self) -> tuple[str | int, ...]: ...
    @property
    def trained_actors_file(self) -> Path | None: ...


def declared(options: Declaring) -> TrainedOn | None:
    """The declared actors, None where nothing is declared. Raises UserError for a bad list."""
    if options.trained_on is None:
        return None
    actors = {str(actor) for actor in options.trained_actors}
    if options.trained_actors_file is not None:
        actors |= set(_lines(options.trained_actors_file))
    if not actors:
        raise UserError(f"{options.trained_actors_file}: names no actor", "one actor a line")
    return TrainedOn(options.trained_on, frozenset(actors))


def _lines(file: Path) -> list[str]:
    with reading(file, "give a UTF-8 text file, one actor a line"):
        text = file.read_text(encoding="utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]

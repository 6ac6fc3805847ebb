"""An engine whose work is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from thbench.api import Died, Engine
from thbench.progress import Progress


class Shown:
    """An engine whose every `map` has a `Progress`."""

    def __init__(self, engine: Engine, label: str) -> None:
        self._engine, self._label = engine, label

    @property
    def workers(self) -> int:
        return self._engine.workers

    def map(
        self, work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None = None
    ) -> Iterator[tuple[int, Any]]:
        with Progress(self._label, len(tasks)) as progress:
            for found in self._engine.map(work, tasks, died):
                progress.advance()
                yield found

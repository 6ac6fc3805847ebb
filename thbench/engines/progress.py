"""Progress of a stage on standard error: what, how many, rate and remaining time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from tqdm import tqdm

from thbench.api import Died, Engine

T = TypeVar("T")

EVERY = 60.0
"""Seconds between two lines where standard error is no terminal."""

KNOWN = 5
"""Items after which their spread says how sure the remaining time is."""


class Progress:
    """A bar on a terminal, elsewhere (logs, pipes) a line per minute and one when the stage is done.

    Nothing where there is nothing to do. `todo` items of a `unit` are left; `done` ones were finished by an earlier run or another shard;
    they are not part of the rate.
    """

    def __init__(self, label: str, todo: int, done: int = 0, unit: str = "clip") -> None:
        self._label, self._todo, self._done, self._made = label, todo, done, 0
        self._unit = unit
        self._start = self._last = time.monotonic()
        self._squares = 0.0  # of the seconds between items
        self._bar: tqdm[None] | None = None
        self._over = threading.Event()
        if not todo:
            return
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=todo + done, initial=done, desc=label, unit=unit, file=sys.stderr
            )
        else:
            threading.Thread(target=self._tell, daemon=True).start()

    def advance(self, n: int = 1) -> None:
        now = time.monotonic()
        self._squares += (now - self._last) ** 2 / max(n, 1)
        self._made, self._last = self._made + n, now
        if self._bar is not None:
            self._bar.update(n)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.close()
        elif self._todo:
            print(self._line(), file=sys.stderr, flush=True)

    def _error(self, left: int) -> float:
        """Two standard errors of the seconds left, from the spread among the items that were made."""
        mean = (self._last - self._start) / self._made
        variance = max(0.0, self._squares / self._made - mean**2)
        return float(2 * (variance * left * (1 + left / self._made)) ** 0.5)

    def _tell(self) -> None:
        while not self._over.wait(EVERY):
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        """`score: 12/75 clips, 1:04, 5:36 left`."""
        seconds, left = time.monotonic() - self._start, self._todo - self._made
        words = [
            f"{self._label}: {self._done + self._made}/{self._done + self._todo} {self._unit}s",
            tqdm.format_interval(seconds),
        ]
        if self._made and left > 0:
            words.append(f"{tqdm.format_interval(seconds / self._made * left)} left")
            if self._made >= KNOWN:
                words[-1] += f" (± {tqdm.format_interval(self._error(left))})"
        return ", ".join(words)


def shown(label: str, items: Sequence[T]) -> Iterator[T]:
    """The items one by one, with a `Progress` of how many were taken."""
    with Progress(label, len(items)) as progress:
        for item in items:
            yield item
            progress.advance()


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

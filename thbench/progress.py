"""Progress of long work on standard error: what, how much of it, rate and remaining time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

EVERY = 60.0
"""Seconds between two lines where standard error is no terminal."""

BYTES = "B"
KNOWN = 5
"""Items after which their spread says how sure the remaining time is."""


class Progress:
    """A bar on a terminal, elsewhere (logs, pipes) a line per minute and one when the work is done.

    label  what is done
    todo   items that are left; nothing is shown where there are none
    done   items that were finished by an earlier run or another shard; they are not part of the rate
    unit   what an item is, in the singular; `B` counts bytes
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
                total=todo + done, initial=done, desc=label, unit=unit, unit_scale=unit == BYTES,
                file=sys.stderr,
            )  # fmt: skip
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
        made, total = self._done + self._made, self._done + self._todo
        counted = f"{made}/{total} {self._unit}s"
        if self._unit == BYTES:
            counted = f"{tqdm.format_sizeof(made)}/{tqdm.format_sizeof(total, BYTES)}"
        words = [f"{self._label}: {counted}", tqdm.format_interval(seconds)]
        if self._made and left > 0:
            words.append(f"{tqdm.format_interval(seconds / self._made * left)} left")
            if self._made >= KNOWN:
                words[-1] += f" (± {tqdm.format_interval(self._error(left))})"
        return ", ".join(words)


def shown(label: str, items: Iterable[T], todo: int, unit: str = "clip") -> Iterator[T]:
    """The `todo` items one by one, with a `Progress` of how many were taken."""
    with Progress(label, todo, unit=unit) as progress:
        for item in items:
            yield item
            progress.advance()

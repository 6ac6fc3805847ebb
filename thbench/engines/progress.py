"""Progress on the screen: what, how many, rate and remaining time."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm


class Progress:
    """Progress on standard error; disabled when there is nothing to do.

    `done` items were finished by an earlier run or another shard; they are not part of the rate.
    """

    def __init__(self, label: str, todo: int, done: int = 0) -> None:
        self._bar = tqdm(
            total=todo + done,
            initial=done,
            desc=label,
            unit="clip",
            file=sys.stderr,
            disable=None if todo else True,
        )

    def advance(self, n: int = 1) -> None:
        self._bar.update(n)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

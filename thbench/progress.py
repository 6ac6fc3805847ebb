"""Progress on the screen: what, how many, rate and remaining time."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm


class Progress:
    """One bar on standard error; nothing at all where there is nothing to do or nobody looks."""

    def __init__(self, label: str, total: int) -> None:
        self._bar = tqdm(
            total=total, desc=label, unit="clip", file=sys.stderr, disable=None if total else True
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

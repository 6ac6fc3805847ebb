"""Waiting for what a test needs to have come about, however busy the machine is; never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONGEST = 300.0
"""Seconds: far more than the busiest machine takes."""


def until(condition: Callable[[], T], seconds: float = LONGEST) -> T:
    """The first true value of `condition`. Fails where it does not come."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not come about in {seconds:.0f} s"
        time.sleep(0.02)
    return found


def at_rest(read: Callable[[], object], pause: float = 0.3, seconds: float = 30) -> bool:
    """Whether what `read` gives stays the same over a pause at last: nobody writes it any more."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = read()
        time.sleep(pause)
        if read() == before:
            return True
    return False

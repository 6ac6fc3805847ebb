"""Work for engines: functions that other processes can import."""

from __future__ import annotations

import os
import time
from pathlib import Path

from thbench.api import UserError


def double(n: int) -> int:
    return 2 * n


def meet(place: tuple[str, int]) -> int:
    """Wait in a folder for so many processes, this one among them; returns its number."""
    folder, count = Path(place[0]), place[1]
    folder.joinpath(f"met-{os.getpid()}").touch()
    while len(list(folder.glob("met-*"))) < count:
        time.sleep(0.01)
    return os.getpid()


def refuse_three(n: int) -> int:
    if n == 3:
        raise UserError("three is refused", "give another")
    return n


def die_at_three(n: int) -> int:
    if n == 3:
        os._exit(9)
    return n

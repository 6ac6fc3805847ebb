"""How many processes a report is made by where nobody said."""

from __future__ import annotations

from thbench.api import Engine
from thbench.engines import engine_for, usable_cores
from thbench.environment import Settings

FRAMES = 1500
"""Frames to look at for which one more process pays: starting one takes as long as a thousand."""
MOST = 8


def workers_for(frames: int) -> int:
    """At most one a core."""
    return max(1, min(usable_cores(), MOST, frames // FRAMES))


def fitting(engine: Engine | None, frames: int) -> Engine:
    """`engine`, or one with as many processes as `frames` to look at are worth."""
    return engine or engine_for(workers_for(frames), Settings())

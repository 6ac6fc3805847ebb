"""One colour for a system, wherever it is drawn."""

from __future__ import annotations

from collections.abc import Collection
from itertools import cycle

from thbench.charts.plots import PALETTE
from thbench.charts.svg import INK
from thbench.controls import CONTROLS, GROUND_TRUTH

SYSTEMS = PALETTE[:6]
"""The seventh is grey, as controls are."""
GREYS = ("#8A8A8A", "#A98467", "#7A93AC", "#9A8AA8", "#7F9A7A")


def colours(systems: Collection[str]) -> dict[str, str]:
    """Of `systems`, all those of a run or table, and of the controls, by name.

    The order of names decides: neither a place nor a resolution changes a colour.
    """
    greys = zip((c for c in CONTROLS if c != GROUND_TRUTH), cycle(GREYS), strict=False)
    own = zip(sorted(set(systems)), cycle(SYSTEMS), strict=False)
    return {GROUND_TRUTH: INK, **dict(greys), **dict(own)}

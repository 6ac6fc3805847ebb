"""What the table, the picture and the page show: moves next to the gaps between systems."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from thbench.results.sensitivity import Move, Sensitivity

KINDS = (
    ("picture", "codecs of the picture"),
    ("sound", "codecs of the sound"),
    ("matrix", "colour matrices"),
    ("resize", "size, rate, crop and shifts"),
)
"""Groups of deliveries in the order in which they are shown, by a change that tells them."""


def grouped(found: Sensitivity) -> list[tuple[str, list[str]]]:
    """Deliveries by what they change, in the plan's order; groups without any are left out."""
    groups: dict[str, list[str]] = {words: [] for _, words in KINDS}
    for name in found.deliveries:
        groups[_group(found, name)].append(name)
    return [(words, names) for words, names in groups.items() if names]


def _group(found: Sensitivity, name: str) -> str:
    changes = found.deliveries[name].changes
    return next((words for key, words in KINDS if key in changes), KINDS[-1][1])


def main_source(found: Sensitivity) -> str:
    """Whose moves a picture shows: a system's where there is one, else the references'."""
    systems = [name for name, source in found.sources.items() if source.kind == "system"]
    return systems[0] if systems else next(iter(found.sources))


def scale_of(found: Sensitivity, column: str) -> float | None:
    """What a move is a multiple of: the median gap between neighbours; None without a run or a gap."""
    gaps = [g.gap for g in found.gaps.get(column, ())]
    return median(gaps) or None if gaps else None


def moved(found: Sensitivity, source: str, column: str, delivery: str) -> Move | None:
    return next((m for m in found.of(column, delivery) if m.source == source), None)


def clearly(move: Move) -> bool:
    """Whether its interval leaves out 0; a move without an interval never does."""
    if move.low is None or move.high is None:
        return False
    return move.low > 0 or move.high < 0


def widest(found: Sensitivity, source: str, column: str) -> float:
    """The largest move of a column, any delivery."""
    moves = (m.move for m in found.moves if m.source == source and m.column == column)
    return max((abs(m) for m in moves if m is not None), default=0.0)


def shown_columns(found: Sensitivity, source: str, most: int | None = None) -> list[str]:
    """Columns that have a move of this source at all, scores of a direction first; at most `most`."""
    held = [
        c
        for c in found.columns
        if any(m.move is not None for m in found.moves if m.source == source and m.column == c)
    ]
    return _directed(found, held)[:most]


def _directed(found: Sensitivity, columns: Sequence[str]) -> list[str]:
    return sorted(columns, key=lambda c: found.columns[c].better == "nearer-reference")

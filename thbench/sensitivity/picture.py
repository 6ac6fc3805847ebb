"""Moves as one picture: deliveries x scores."""

from __future__ import annotations

import math

from thbench.charts.heatmap import HeatCell, heatmap
from thbench.results.sensitivity import Move, Sensitivity
from thbench.sensitivity.look import (
    clearly,
    grouped,
    main_source,
    moved,
    scale_of,
    shown_columns,
    widest,
)
from thbench.tables.markdown import score_text

MOST = 14
"""Columns of the picture; the page shows every one."""


def as_svg(found: Sensitivity, source: str = "", most: int | None = MOST) -> str:
    """A cell holds a move in units of its score; it is darker the larger it is against the gap between
    systems, or without a run against the largest move of its column. Framed: larger than the gap."""
    source = source or main_source(found)
    columns = shown_columns(found, source, most)
    groups = grouped(found)
    rows = [name for _, names in groups for name in names]
    starts = [sum(len(names) for _, names in groups[:i]) for i in range(1, len(groups))]
    cells = [[_cell(found, source, c, name) for c in columns] for name in rows]
    against = (
        "darker: a larger share of the median gap between neighbouring systems; framed: above it"
    )
    alone = "darker: a larger share of the largest move of the column"
    return heatmap(
        rows,
        columns,
        cells,
        title=f"{found.suite}, {found.resolution} px: moves of {source}",
        note=against if found.gaps else alone,
        breaks=starts,
    )


def _cell(found: Sensitivity, source: str, column: str, delivery: str) -> HeatCell:
    move = moved(found, source, column, delivery)
    if move is None or move.move is None:
        return HeatCell("", tip=move.note if move else "not measured")
    scale = scale_of(found, column)
    share = abs(move.move) / (scale or widest(found, source, column) or 1.0)
    shade = min(1.0, math.log1p(9 * min(share, 1.0)) / math.log(10)) * (0.85 if scale else 0.7)
    framed = scale is not None and share > 1
    return HeatCell(short(move.move), shade, framed, _tip(move, scale))


def short(value: float) -> str:
    """One or two digits that fit a cell, with the sign."""
    if value == 0:
        return "0"
    if abs(value) < 1e-9:
        return "≈0"
    size = abs(value)
    words = f"{size:.0f}" if size >= 100 else f"{size:.2g}" if size >= 1e-3 else f"{size:.0e}"
    return ("+" if value > 0 else "−") + words.replace("e-0", "e-")


def _tip(move: Move, scale: float | None) -> str:
    words = f"{move.column}, {move.delivery}: {move.before!r} to {move.after!r}"
    if move.low is not None and move.high is not None:
        words += (
            f", move {score_text(move.move or 0)} [{score_text(move.low)}, {score_text(move.high)}]"
        )
        words += "" if clearly(move) else ", its interval holds 0"
    if scale:
        words += f"; {abs(move.move or 0) / scale:.2g} of the median gap between systems"
    return words + (f"; {move.note}" if move.note else "")

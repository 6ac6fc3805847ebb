"""A grid of numbers, darker where they are larger: rows and columns with their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thbench.charts.svg import FAINT, INK, LETTER, coordinate, safe, shortened, svg, text

_LIGHT, _DARK = (255, 255, 255), (0, 84, 130)
_EMPTY = "#F1F1F1"


@dataclass(frozen=True)
class HeatCell:
    """What stands in a cell, how dark it is (0..1), whether it is framed, and what a pointer is told.

    An empty `words` is a cell without a value.
    """

    words: str
    shade: float = 0.0
    framed: bool = False
    tip: str = ""


def heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[HeatCell]],
    *,
    title: str = "",
    note: str = "",
    breaks: Sequence[int] = (),
) -> str:
    """An <svg>: names of columns stand upright above them, rows are grouped by a space before `breaks`."""
    size, high, wide = 12, 22, 58
    left = max((len(r) for r in rows), default=0) * size * LETTER + 18
    tall = max((len(c) for c in columns), default=0) * size * LETTER * 0.72 + 14
    top = (26 if title else 6) + tall
    gaps = [sum(b <= i and b > 0 for b in breaks) * 7 for i in range(len(rows))]
    height = top + len(rows) * high + (gaps[-1] if gaps else 0) + (22 if note else 8)
    reach = max((len(c) for c in columns[-1:]), default=0) * size * LETTER * 0.72
    width = max(left + len(columns) * wide + 10, left + (len(columns) - 0.5) * wide + reach + 12)
    parts = []
    for k, name in enumerate(columns):
        x, y = left + (k + 0.5) * wide, top - 6
        turned = f"transform='rotate(-45 {coordinate(x)} {coordinate(y)})'"
        parts.append(text(x, y, name, size, "start", INK, extra=turned))
    for i, name in enumerate(rows):
        y = top + i * high + gaps[i]
        parts.append(text(left - 8, y + high * 0.68, name, size, "end", INK))
        for k, cell in enumerate(cells[i]):
            parts += _cell(cell, left + k * wide, y, wide, high, size - 1)
    if note:
        words = shortened(note, (width - 16) / (10 * LETTER))
        parts.append(text(8, height - 7, words, 10, "start", FAINT))
    return svg(round(width), round(height), title, parts, "#FFFFFF")


def _cell(cell: HeatCell, x: float, y: float, wide: float, high: float, size: int) -> list[str]:
    fill = _EMPTY if not cell.words else _colour(cell.shade)
    frame = " stroke='#D55E00' stroke-width='2'" if cell.framed else ""
    inset = 2.0 if cell.framed else 1.0
    place = (
        f"x='{coordinate(x + inset)}' y='{coordinate(y + inset)}' "
        f"width='{coordinate(wide - 2 * inset)}' height='{coordinate(high - 2 * inset)}'"
    )
    tip = f"<title>{safe(cell.tip)}</title>" if cell.tip else ""
    ink = "#FFFFFF" if cell.words and cell.shade > 0.55 else INK
    return [
        f"<rect {place} rx='2' fill='{fill}'{frame}>{tip}</rect>",
        text(x + wide / 2, y + high * 0.68, cell.words or "–", size, "middle", ink),
    ]


def _colour(shade: float) -> str:
    share = min(max(shade, 0.0), 1.0)
    mixed = (round(a + (b - a) * share) for a, b in zip(_LIGHT, _DARK, strict=True))
    return "#" + "".join(f"{v:02X}" for v in mixed)

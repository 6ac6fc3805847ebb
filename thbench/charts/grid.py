"""Pictures in a labelled grid, for papers: white paper, dark labels, pixels left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from thbench.api import Frames, UserError
from thbench.files.atomic import atomic_write

INK, FAINT, PAPER, EMPTY = (34, 34, 34), (110, 110, 110), 255, 232
GAP, MARGIN = 3, 8
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class GridRow:
    """A label, a fainter second line, and per column a picture [S, S, 3] or the words for its absence."""

    label: str
    note: str
    cells: Sequence[Frames | str]


def draw_grid(heads: Sequence[str], rows: Sequence[GridRow], cell: int) -> Frames:
    """[H, W, 3] uint8 RGB: `heads` above the columns, labels to the left, every cell `cell` pixels.

    Smaller pictures are enlarged by repeating pixels, so that nothing is smoothed.
    """
    scale = cell / 260 + 0.2  # letters grow with the cells, slower
    line = _height(scale) + 6
    left = MARGIN + max((_width(t, scale) for r in rows for t in (r.label, r.note)), default=0) + 10
    top = MARGIN + line * max((h.count("\n") + 1 for h in heads), default=0)
    height = top + len(rows) * (cell + GAP) + MARGIN - GAP
    width = left + len(heads) * (cell + GAP) + MARGIN - GAP
    canvas = np.full((height, width, 3), PAPER, dtype=np.uint8)
    fitted = min((_fitting(t, cell, scale) for h in heads for t in h.split("\n")), default=scale)
    for column, head in enumerate(heads):
        for i, text in enumerate(reversed(head.split("\n"))):
            centre = left + column * (cell + GAP) + (cell - _width(text, fitted)) // 2
            _write(canvas, text, centre, top - 5 - i * line, fitted, INK)
    for number, row in enumerate(rows):
        y = top + number * (cell + GAP)
        middle = y + (cell + _height(scale)) // 2 - (line // 2 if row.note else 0)
        _write(canvas, row.label, MARGIN, middle, scale, INK)
        _write(canvas, row.note, MARGIN, middle + line, scale, FAINT)
        for column, content in enumerate(row.cells):
            x = left + column * (cell + GAP)
            _fill(canvas[y : y + cell, x : x + cell], content, scale)
    return canvas


def _fill(place: Frames, content: Frames | str, scale: float) -> None:
    if isinstance(content, str):
        place[:] = EMPTY
        fitted = _fitting(content, len(place), scale)
        x = (len(place) - _width(content, fitted)) // 2
        _write(place, content, x, len(place) // 2, fitted, FAINT)
        return
    side = (len(place), len(place))
    place[:] = cv2.resize(content, side, interpolation=cv2.INTER_NEAREST)


def _write(
    canvas: Frames, text: str, x: int, y: int, scale: float, ink: tuple[int, int, int]
) -> None:
    """Anti-aliased, `y` is the baseline. Slices of a canvas are drawn on in place."""
    if text:
        drawn = np.ascontiguousarray(canvas)
        cv2.putText(drawn, text, (x, y), _FONT, scale, ink, 1, cv2.LINE_AA)
        canvas[:] = drawn


def _fitting(text: str, cell: int, scale: float) -> float:
    """`scale`, or less where the text would not fit into a cell."""
    return min(scale, scale * (cell - 8) / max(_width(text, scale), 1))


def _width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, _FONT, scale, 1)[0][0]) if text else 0


def _height(scale: float) -> int:
    return int(cv2.getTextSize("Hg", _FONT, scale, 1)[0][1])


def write_png(path: Path, picture: Frames) -> None:
    """[H, W, 3] RGB to a PNG, whole or not at all. Raises UserError for a name that promises something else."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: a picture is written as PNG", "give -o FILE.png")
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    atomic_write(path, png.tobytes())

"""What a training draws as it goes on: one validation clip at steps of the training, as a strip of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench.charts.grid import GridRow, draw_grid, write_png
from thbench.files.foreign import reading

PROGRESS, ROWS = "progress.png", "progress"
CELL = 128

Draw = Callable[[Path], list[Frames | str]]
"""Checkpoint -> the frames that it draws of the clip, or the words for their absence."""


class Progress:
    """`progress.png` of a training folder: the ground truth, and a row for every step that was shown.

    Rows lie under `progress/` by step, so that a resumed training goes on with the same picture.
    """

    def __init__(self, folder: Path, truth: list[Frames], draw: Draw) -> None:
        self._folder, self._truth, self._draw = folder, truth, draw

    def forget(self, after: int) -> None:
        """Take away the rows of steps that a resumed training makes again."""
        for step, file in self._rows().items():
            if step > after:
                file.unlink()

    def show(self, step: int, checkpoint: Path) -> None:
        """Draw with the weights of this step, and the whole picture anew."""
        file = self._folder / ROWS / f"{step:09d}.png"
        file.parent.mkdir(exist_ok=True)
        size = self._truth[0].shape[0]
        cells = [c if isinstance(c, np.ndarray) else _blank(size) for c in self._draw(checkpoint)]
        write_png(file, np.concatenate(cells, axis=1))
        self._write()

    def _rows(self) -> dict[int, Path]:
        files = (self._folder / ROWS).glob("[0-9]*.png")
        return {int(f.stem): f for f in sorted(files) if f.stem.isdigit()}

    def _write(self) -> None:
        n, size = len(self._truth), self._truth[0].shape[0]
        rows = [GridRow("ground truth", "", self._truth)]
        for step, file in self._rows().items():
            with reading(file, f"remove it, or take `{ROWS}` away"):
                row = cv2.imread(str(file))
            cells: list[Any] = ["not read"] * n if row is None else _split(row, n)
            rows.append(GridRow(f"step {step}", "", cells))
        heads = [f"frame {i}" for i in range(n)]
        write_png(self._folder / PROGRESS, draw_grid(heads, rows, size * max(1, -(-CELL // size))))


def _split(row: NDArray[Any], n: int) -> list[Frames]:
    rgb = np.ascontiguousarray(row[..., ::-1])
    return [np.ascontiguousarray(part) for part in np.array_split(rgb, n, axis=1)]


def _blank(size: int) -> Frames:
    return np.full((size, size, 3), 232, np.uint8)

"""CSV logs that agree with the saved state after a kill, and optionally the same in TensorBoard."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from thbench.api import UserError
from thbench.files.atomic import atomic_write
from thbench.files.foreign import csv_rows, read_text


class CsvLog:
    """One line per step with `step` and `epoch` first; the columns are those of the first line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] = []
        self._file: IO[str] | None = None

    def start(self, step: int) -> None:
        """Keep lines up to `step` and go on after them."""
        rows = [r for r in read_log(self.path) if int(r["step"]) <= step]
        self._columns = list(rows[0]) if rows else []
        text = io.StringIO()
        if rows:
            writer = csv.DictWriter(text, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        atomic_write(self.path, text.getvalue())
        self._file = self.path.open("a", encoding="utf-8", newline="", buffering=1)

    def append(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        row: dict[str, Any] = {"step": step, "epoch": f"{epoch:.4f}"}
        row |= {name: repr(float(value)) for name, value in values.items()}
        assert self._file is not None
        if not self._columns:
            self._columns = list(row)
            csv.DictWriter(self._file, self._columns, lineterminator="\n").writeheader()
        csv.DictWriter(self._file, self._columns, lineterminator="\n").writerow(row)

    def flush(self) -> None:
        """On the disk: a state that is saved afterwards has all its lines."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_log(path: Path) -> list[dict[str, str]]:
    """The whole lines of a log; a last line that a kill cut off is left out. No file: no lines."""
    if not path.exists():
        return []
    text = read_text(path, "remove it, or train into another folder")
    head, *lines = csv_rows(text[: text.rfind("\n") + 1], path) or [[]]
    return [dict(zip(head, line, strict=False)) for line in lines]


class TensorBoard:
    """The same values as event files; only where it was asked for."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError(
                "TensorBoard is not installed", 'pip install "thbench[tensorboard]"'
            ) from error
        self._writer: Any = SummaryWriter(str(folder))

    def append(self, part: str, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{part}/{name}", value, step)

    def close(self) -> None:
        self._writer.close()

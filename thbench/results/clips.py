"""clips.csv: written, and read back strictly, since it may come from a third party."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.files.foreign import csv_rows, read_text

LARGEST = 64_000_000
HEAD = ("clip", "actor", "failure")
REMEDY = "score the run again"


@dataclass(frozen=True)
class ClipsTable:
    """One line per clip.

    actors  clip -> actor, in the file's order     failures  clip -> why it has no video
    cells   column -> clip -> text, empty cells left out
    """

    file: str
    actors: Mapping[str, str]
    failures: Mapping[str, str]
    cells: Mapping[str, Mapping[str, str]]

    def numbers(self, column: str) -> dict[str, float]:
        """Clip -> value of one column; clips without a value are left out.

        Raises UserError for a column that is not there and for a cell that is no finite number.
        """
        if column not in self.cells:
            raise UserError(f"{self.file}: has no column '{column}'", REMEDY)
        return {clip: self._number(column, clip, text) for clip, text in self.cells[column].items()}

    @property
    def number_columns(self) -> list[str]:
        """Columns of values, in the file's order; those of reasons (`METRIC.failure`) left out."""
        return [column for column in self.cells if not _is_reason(column)]

    def reasons(self) -> dict[str, str]:
        """Clip -> why something of it has no value: its own failure, then those of metrics."""
        said: dict[str, list[str]] = {}
        for clip, reason in self.failures.items():
            said.setdefault(clip, []).append(reason)
        for column in filter(_is_reason, self.cells):
            for clip, reason in self.cells[column].items():
                said.setdefault(clip, []).append(f"{column.replace('.failure', '')} {reason}")
        return {clip: "; ".join(said[clip]) for clip in self.actors if clip in said}

    def _number(self, column: str, clip: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserError(f"{self.file}: clip {clip}: {column} is no finite number", REMEDY)
        return value


def _is_reason(column: str) -> bool:
    return column.partition("@")[0].endswith(".failure")


def read_clips(path: Path) -> ClipsTable:
    """Read one table. Raises UserError for what is no such table, and for a clip or column named twice."""
    return parse_clips(read_text(path, REMEDY, LARGEST), printable(path))


def parse_clips(text: str, name: str) -> ClipsTable:
    """As `read_clips`, of a text; `name` is what errors call it."""
    head, *lines = csv_rows(text, name, REMEDY) or [[]]
    if tuple(head[:3]) != HEAD or len(set(head)) != len(head):
        raise UserError(f"{name} is no clips table: its columns are not right", REMEDY)
    actors: dict[str, str] = {}
    cells: dict[str, dict[str, str]] = {column: {} for column in head[2:]}
    for line in lines:
        if len(line) != len(head) or line[0] in actors:
            raise UserError(f"{name}: the line of clip {line[:1]} is not right", REMEDY)
        actors[line[0]] = line[1]
        for column, cell in zip(head[2:], line[2:], strict=True):
            if cell:
                cells[column][line[0]] = cell
    return ClipsTable(name, actors, cells.pop("failure"), cells)


def clips_text(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """clips.csv: one line per clip; an empty cell is a value that does not exist, never a 0."""
    return table_text(columns, ([row.get(c) for c in columns] for row in rows))


def table_text(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """As `clips_text`, of lines in the order of the columns; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)  # a float as `repr` spells it, None as nothing
    return buffer.getvalue()

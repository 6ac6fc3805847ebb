"""A row: one system at one resolution, its result and its clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thbench.results.clips import ClipsTable, read_clips
from thbench.results.document import Result, read_result

CLIPS = ".clips.csv"  # of a committed row, in place of `.json`


@dataclass(frozen=True)
class Row:
    """A row: its result, its clips, and the document it was read from, if it was."""

    result: Result
    clips: ClipsTable
    path: Path = Path()

    @property
    def name(self) -> str:
        return self.result.system.name

    @property
    def key(self) -> tuple[str, str, int]:
        """Name, kind and resolution: what tells the rows of one run apart."""
        system = self.result.system
        return system.name, system.kind, system.resolution


def clips_file(path: Path) -> Path:
    """The clips table of a committed row."""
    return path.with_name(path.name.removesuffix(".json") + CLIPS)


def table_file(path: Path) -> Path:
    """The clips table of any row: next to `result.json` of a run, or of a committed row."""
    table = path.with_name("clips.csv")
    return table if table.is_file() else clips_file(path)


def read_row(path: Path) -> Row:
    """A row from its result document: `result.json` of a run, or a leaderboard's file."""
    return Row(read_result(path), read_clips(table_file(path)), path)

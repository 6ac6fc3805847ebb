"""A row: one system at one resolution, its result and its clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thbench.results.clips import ClipsTable, read_clips
from thbench.results.document import Result, read_result

CLIPS = ".clips.csv"  # of a committed row, in place of `.json`


def clips_file(path: Path) -> Path:
    """The clips table of a committed row."""
    return path.with_name(path.name.removesuffix(".json") + CLIPS)


@dataclass(frozen=True)
class Entry:
    """A row: its result and its clips."""

    result: Result
    clips: ClipsTable

    @property
    def name(self) -> str:
        return self.result.system.name


def entry(path: Path) -> Entry:
    """A row from its result document: `result.json` of a run, or a leaderboard's file."""
    table = path.with_name("clips.csv")
    return Entry(read_result(path), read_clips(table if table.is_file() else clips_file(path)))

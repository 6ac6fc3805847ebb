"""What a finished run holds, read once for its report. Computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from thbench.api import Clip, Given
from thbench.controls import GROUND_TRUTH
from thbench.files.foreign import read_json
from thbench.report.colours import GREYS, colours
from thbench.results.clips import ClipsTable
from thbench.results.document import Result, ScoreRecord
from thbench.results.finished import finished_rows, tables_of
from thbench.results.people import people_of
from thbench.results.row import Row
from thbench.results.sensitivity import sensitivity_of
from thbench.run.folder import CLIPS, METRICS, RunFolder, VideoFolder
from thbench.tables.build import tables
from thbench.tables.delivery import delivery_notes
from thbench.tables.headline import headline
from thbench.tables.people import PeopleTable, people_tables

Values = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class ReportRow:
    """A row of the tables with its place, and its folder where there is a run.

    place    the places it may hold, "1–2" where it is tied
    beside   what a leaderboard says of the row: its tier, its file, who submitted it
    values   per column of clips.csv one number per clip of the run, None where there is none
    reasons  clip id -> why something of it has no value
    """

    result: Result
    rank: int | None = None
    place: str = ""
    tied_with: Sequence[str] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    unranked_because: Sequence[str] = ()
    folder: VideoFolder | None = None
    values: Values = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.result.system.name

    @property
    def resolution(self) -> int:
        return self.result.system.resolution

    @property
    def is_control(self) -> bool:
        return self.result.system.kind == "control"

    @property
    def is_truth(self) -> bool:
        return self.is_control and self.name == GROUND_TRUTH

    @property
    def scores(self) -> Mapping[str, ScoreRecord]:
        return self.result.scores


@dataclass(frozen=True)
class ReportTable:
    """One of the tables: where it belongs, and the indices of its rows among the entrants.

    marks  column -> what delivery alone does to it, where that is more than between two systems
    """

    resolution: int
    given: Given
    members: Sequence[int]
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportData:
    """A run, or the results of one suite, as a report shows it.

    entrants  by resolution, in the order of the tables; an entrant is known by its index in here
    tables    what was ranked together; a control may stand in several
    cards     column -> what its metric declares; empty for runs that were made before cards were kept
    people    what people said of the videos, in tables of their own
    """

    entrants: Sequence[ReportRow]
    tables: Sequence[ReportTable]
    clips: Sequence[Clip] = ()
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    run: RunFolder | None = None
    people: Sequence[PeopleTable] = ()

    @property
    def primary(self) -> str | None:
        """The score that ranks."""
        return self.entrants[0].result.suite.primary

    @cached_property
    def columns(self) -> dict[str, ScoreRecord]:
        """Every score of the tables, by column, as the first entrant that has it describes it.

        The suite's primary score leads, as in every other table.
        """
        found: dict[str, ScoreRecord] = {}
        for entrant in self.entrants:
            for name, score in entrant.scores.items():
                found.setdefault(name, score)
        order = {name: i for i, name in enumerate(self.cards)}

        def place(column: str) -> tuple[bool, int]:
            return column != self.primary, order.get(column, len(order))

        return {name: found[name] for name in sorted(found, key=place)}

    @cached_property
    def headline(self) -> list[str]:
        """The columns that are shown first, see `thbench.tables.headline`."""
        suite = self.entrants[0].result.suite
        described = {name: score.model_dump() for name, score in self.columns.items()}
        return headline(described, suite.primary, suite.headline)

    @cached_property
    def row_columns(self) -> list[str]:
        """Every per-clip column, those of scores first."""
        names = dict.fromkeys(name for e in self.entrants for name in e.values)
        return [
            *(n for n in self.columns if n in names),
            *(n for n in names if n not in self.columns),
        ]

    @cached_property
    def colours(self) -> dict[str, str]:
        """What each entrant is drawn in, by name."""
        known = colours([e.name for e in self.entrants if not e.is_control])
        return {e.name: known.get(e.name, GREYS[0]) for e in self.entrants}

    @property
    def resolutions(self) -> list[int]:
        return sorted({e.resolution for e in self.entrants})

    def at(self, resolution: int) -> list[tuple[int, ReportRow]]:
        """Entrants of one resolution with their indices."""
        return [(i, e) for i, e in enumerate(self.entrants) if e.resolution == resolution]

    def truth(self, resolution: int) -> ReportRow | None:
        return next((e for _, e in self.at(resolution) if e.is_truth), None)

    def rows_of(self, column: str) -> list[str]:
        """The per-clip columns behind a score: its own, or those its metric keeps besides."""
        if column in self.row_columns:
            return [column]
        score, label = self.columns.get(column), column.partition("@")[2]
        return [
            name
            for name in self.row_columns
            if score and name.partition("@")[2] == label and self._owner(name) == score.metric
        ]

    def _owner(self, row_column: str) -> str:
        score = self.columns.get(row_column)
        return score.metric if score else row_column.partition("@")[0].partition(".")[0]


def read_run(path: Path) -> ReportData:
    """Everything of a run folder but its videos. Raises UserError where there is no scored run."""
    rows = finished_rows(path)
    by_key = {row.key: row for row in rows}
    clips = _clips(path, rows)
    results, clips_tables = tables_of(rows)
    found = tables(results, clips_tables)
    entrants: dict[tuple[str, str, int], ReportRow] = {}
    for entrant in (e for table in found for e in placed(table, results)):
        row = by_key[_key(entrant.result)]
        entrants[row.key] = replace(
            entrant,
            folder=VideoFolder(path, row.path.parent),
            values=_values(row.clips, [c.id for c in clips]),
            reasons=row.clips.reasons(),
        )
    delivered = sensitivity_of(path)
    shown = [
        replace(
            report_table(table, list(entrants), row_key),
            marks=delivery_notes(delivered, table, results),
        )
        for table in found
    ]
    return ReportData(
        list(entrants.values()),
        shown,
        clips,
        _json(path / METRICS, {}),
        RunFolder(path),
        people_tables(people_of(path), results),
    )


def row_key(table: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, str, int]:
    """What tells the rows of one run apart, of a row of a table."""
    return row["system"], row["kind"], table["resolution"]


def report_table(
    table: Mapping[str, Any],
    entrants: Sequence[Any],
    key: Callable[[Mapping[str, Any], Mapping[str, Any]], Any],
) -> ReportTable:
    """A table by the places of its rows' keys among those of all entrants."""
    members = [entrants.index(key(table, row)) for row in table["rows"]]
    return ReportTable(table["resolution"], table["given"], members)


def placed(table: Mapping[str, Any], results: Sequence[Result]) -> list[ReportRow]:
    """The rows of a table in their order, each with its result."""
    by_name = {_key(r): r for r in results}
    return [
        ReportRow(
            by_name[row_key(table, row)],
            row["rank"],
            row["place"] or "",
            row["tied_with"],
            row,
            row["unranked_because"],
        )
        for row in table["rows"]
    ]


def _key(result: Result) -> tuple[str, str, int]:
    return result.system.name, result.system.kind, result.system.resolution


def _clips(path: Path, rows: Sequence[Row]) -> list[Clip]:
    """Those of clips.json; without it, ids and actors of the tables and no labels."""
    stored = _json(path / CLIPS, None)
    if stored is not None:
        return [Clip(c["id"], c["actor"], c["labels"]) for c in stored]
    actors = {clip: actor for row in rows for clip, actor in row.clips.actors.items()}
    return [Clip(clip, actor) for clip, actor in sorted(actors.items())]


def _values(table: ClipsTable, clips: Sequence[str]) -> dict[str, list[float | None]]:
    """Numbers of clips.csv by column, aligned with `clips`."""
    numbers = {column: table.numbers(column) for column in table.number_columns}
    return {column: [of.get(clip) for clip in clips] for column, of in numbers.items()}


def _json(path: Path, absent: Any) -> Any:
    return read_json(path, "score the run again") if path.exists() else absent

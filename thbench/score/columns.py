"""Columns of a result: which scores exist, their names and identities; named once per run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from thbench.api import Decode, Score
from thbench.results.clips import clips_text
from thbench.run.job import Job, metric_of, suite_of
from thbench.score.numbers import ClipNumbers
from thbench.score.reduce import Scored
from thbench.suite.model import MetricPart, Suite
from thbench.suite.split import Split


@dataclass(frozen=True)
class Column:
    """One score of one metric of the suite, under its name in tables."""

    metric: int
    score: str
    name: str
    meaning: Score
    part: MetricPart


@dataclass(frozen=True)
class Columns:
    """The columns of a run, in the order of the suite's metrics and of their declarations."""

    parts: tuple[MetricPart, ...]
    scores: tuple[Mapping[str, Score], ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._all)

    @cached_property
    def _all(self) -> tuple[Column, ...]:
        return tuple(
            Column(index, name, part.column(name), meaning, part)
            for index, (part, scores) in enumerate(zip(self.parts, self.scores, strict=True))
            for name, meaning in scores.items()
        )

    def row(self, metric: int, name: str) -> str:
        """`ofm@diffused-heads`, or `syncnet.n_windows` for a row that is no score of its own."""
        part = self.parts[metric]
        is_score = name in self.scores[metric]
        return part.column(name if is_score else f"{part.plugin.name}.{name}")


def columns_of(job: Job) -> Columns:
    """The columns of a run; builds its metrics."""
    parts = tuple(suite_of(job).metrics)
    return Columns(parts, tuple(metric_of(job, i).scores for i in range(len(parts))))


def check_columns(suite: Suite, columns: Columns) -> None:
    """Raises UserError where two metrics give one column, or the primary or a headline score is none of them."""
    owners: dict[str, str] = {}
    for column in columns:
        name = column.part.plugin.name
        if column.name in owners:
            raise suite.document.error(
                ("metrics", str(column.metric)),
                f"'{name}' and '{owners[column.name]}' both give the column '{column.name}'",
                "add `as: NAME` to one",
            )
        owners[column.name] = name
    known = all(columns.scores)  # not of a metric that a partial run leaves out and cannot build
    if suite.primary is not None and suite.primary not in owners and known:
        raise suite.document.unknown_key(("primary", suite.primary), "score", list(owners))
    for name in suite.headline if known else ():
        if name not in owners:
            raise suite.document.unknown_key(("headline", name), "score", list(owners))


def column_identity(part: MetricPart, resolution: int, decode: Decode = "exact") -> dict[str, Any]:
    """What a column is: two numbers stand in one column only where this is equal."""
    usual = {} if decode == "exact" else {"decode": decode}
    return {**part.identity, "resolution": resolution, **usual}


def clips_table(
    columns: Columns, split: Split, row: Scored, absent: Mapping[str, str] | None = None
) -> str:
    """One line per clip: what it is, whether it was made, and its rows of every metric.

    absent  clip -> why its reference cannot be used

    `failure` says why a clip has nothing that could be scored, and then no metric repeats it.
    """
    names = _row_names(columns, row)
    own = {clip: str(r["failure"]) for clip, r in row.records.items() if "failure" in r}
    own = {**(absent or {}), **own}
    failed = {key: reason for key, reason in row.failures.items() if key[1] not in own}
    head = ["clip", "actor", "failure"]
    for metric in range(len(columns.parts)):
        head += [name for (m, _), name in names.items() if m == metric]
        if any(m == metric for m, _ in failed):
            head.append(columns.row(metric, "failure"))
    lines = []
    for c in split.clips:
        line = {"clip": c.id, "actor": c.actor, "failure": own.get(c.id)}
        lines.append({**line, **_clip_cells(columns, names, row, failed, c.id)})
    return clips_text(head, lines)


def _row_names(columns: Columns, row: Scored) -> dict[tuple[int, str], str]:
    """The column of every row name that any clip has, in the order of metrics and names."""
    found = {(metric, name) for metric, of in row.rows.items() for name in _names_in(of)}
    return {key: columns.row(*key) for key in sorted(found)}


def _names_in(rows: Mapping[str, Mapping[str, float]]) -> Iterable[str]:
    if isinstance(rows, ClipNumbers):
        return rows.names
    return {name for of in rows.values() for name in of}


def _clip_cells(
    columns: Columns,
    names: Mapping[tuple[int, str], str],
    row: Scored,
    failed: Mapping[tuple[int, str], str],
    clip: str,
) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for metric in range(len(columns.parts)):
        for name, value in row.rows.get(metric, {}).get(clip, {}).items():
            cells[names[metric, name]] = value
        if reason := failed.get((metric, clip)):
            cells[columns.row(metric, "failure")] = reason
    return cells

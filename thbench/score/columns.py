"""Columns of a result: which scores exist, their names and identities; named once per run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from thbench.api import Decode, Score
from thbench.results.clips import table_text
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
    own = {clip: str(r["failure"]) for clip, r in row.records.items() if "failure" in r}
    own = {**(absent or {}), **own}
    failed = {key: reason for key, reason in row.failures.items() if key[1] not in own}
    ids = [c.id for c in split.clips]
    cells: dict[str, Sequence[Any]] = {
        "clip": ids,
        "actor": [c.actor for c in split.clips],
        "failure": [own.get(clip) for clip in ids],
    }
    for metric in range(len(columns.parts)):
        rows = row.rows.get(metric, {})
        for name in sorted(_names_in(rows)):
            found = _values_of(rows, name)
            cells[columns.row(metric, name)] = [found.get(clip) for clip in ids]
        if any(m == metric for m, _ in failed):
            reasons = [failed.get((metric, clip)) for clip in ids]
            cells[columns.row(metric, "failure")] = reasons
    return table_text(list(cells), zip(*cells.values(), strict=True))


def _names_in(rows: Mapping[str, Mapping[str, float]]) -> Iterable[str]:
    if isinstance(rows, ClipNumbers):
        return rows.names
    return {name for of in rows.values() for name in of}


def _values_of(rows: Mapping[str, Mapping[str, float]], name: str) -> Mapping[str, float]:
    """Clip -> its number of this name, of clips that have one."""
    if isinstance(rows, ClipNumbers):
        return rows.column(name)
    return {clip: of[name] for clip, of in rows.items() if name in of}

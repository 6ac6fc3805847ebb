"""Columns of a result: which scores exist, their names and identities."""

from __future__ import annotations

from typing import Any

from thbench.api import Score
from thbench.plugins.discovery import registry
from thbench.plugins.identity import plugin_identity
from thbench.results.clips import clips_text
from thbench.run.job import Job, metric_of, metric_part_of, suite_of
from thbench.score.reduce import Scored
from thbench.suite.split import Split


def metric_columns(job: Job) -> list[tuple[int, str, str, Score]]:
    """Every column of the run: metric index, score name, column name, meaning."""
    columns = []
    for index in range(len(suite_of(job).metrics)):
        part = metric_part_of(job, index)
        for name, meaning in metric_of(job, index).scores.items():
            columns.append((index, name, part.column(name), meaning))
    return columns


def check_columns(job: Job) -> None:
    """Raises UserError where two metrics give one column, or the primary score is none of them."""
    suite = suite_of(job)
    owners: dict[str, str] = {}
    for index, _, column, _ in metric_columns(job):
        name = metric_part_of(job, index).plugin.name
        if column in owners:
            raise suite.document.error(
                ("metrics", str(index)),
                f"'{name}' and '{owners[column]}' both give the column '{column}'",
                "add `as: NAME` to one",
            )
        owners[column] = name
    if suite.primary is not None and suite.primary not in owners:
        raise suite.document.unknown_key(("primary", suite.primary), "score", list(owners))


def column_identity(job: Job, index: int, resolution: int) -> dict[str, Any]:
    """What a column is: two numbers stand in one column only where this is equal."""
    part = metric_part_of(job, index)
    identity = plugin_identity(part.registered, part.options, registry())
    return {**identity, "resolution": resolution}


def clips_table(job: Job, split: Split, row: Scored) -> str:
    """One line per clip: what it is, whether it was made, and its rows of every metric."""
    columns, data = ["clip", "actor", "failure"], []
    metrics = range(len(suite_of(job).metrics))
    names = {i: sorted({n for (m, _), r in row.rows.items() if m == i for n in r}) for i in metrics}
    for i in metrics:
        columns += [row_column(job, i, n) for n in names[i]]
        if any(m == i for m, _ in row.failures):
            columns.append(row_column(job, i, "failure"))
    for clip in split.clips:
        line: dict[str, Any] = {"clip": clip.id, "actor": clip.actor}
        line["failure"] = row.records.get(clip.id, {}).get("failure")
        for i in metrics:
            for name, value in row.rows.get((i, clip.id), {}).items():
                line[row_column(job, i, name)] = value
            line[row_column(job, i, "failure")] = row.failures.get((i, clip.id))
        data.append(line)
    return clips_text(columns, data)


def row_column(job: Job, index: int, row: str) -> str:
    """`ofm@diffused-heads`, or `syncnet.n_windows` for a row that is no score of its own."""
    part = metric_part_of(job, index)
    scores = {name for i, name, _, _ in metric_columns(job) if i == index}
    return part.column(row if row in scores else f"{part.plugin.name}.{row}")

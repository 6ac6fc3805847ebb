"""Rows whose columns are no longer what the installed plugins measure, and must be scored again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from thbench.api import UserError
from thbench.files.canonical import digest
from thbench.leaderboard.ground import Places, suite_of
from thbench.leaderboard.store import CommittedRow
from thbench.score.columns import column_identity
from thbench.suite import MetricPart, Suite


def outdated(
    rows: Sequence[CommittedRow], suites: Path | None = None
) -> Iterator[tuple[CommittedRow, list[str]]]:
    """Rows with what is old about them; rows that are current are left out."""
    for row in rows:
        try:
            suite = suite_of(row, Places(suites))
        except UserError as error:
            yield row, [error.message]
            continue
        if found := list(_changes(row, suite)):
            yield row, found


def _changes(row: CommittedRow, suite: Suite) -> Iterator[str]:
    if row.result.suite.digest != suite.digest:
        yield f"suite {suite.name} is another one now"
    for column, score in sorted(row.result.scores.items()):
        part = _part(suite, score.metric, score.score, column)
        if part is None:
            yield f"{column}: the suite does not measure it"
        elif digest(column_identity(part, row.result.system.resolution)) != score.identity_digest:
            yield f"{column}: has another identity now"


def _part(suite: Suite, metric: str, score: str, column: str) -> MetricPart | None:
    parts = (m for m in suite.metrics if m.plugin.name == metric and m.column(score) == column)
    return next(parts, None)

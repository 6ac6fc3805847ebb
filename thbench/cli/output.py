"""What several commands print: tables, failures, plans and missing parts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.results.document import Result
    from thbench.suite import Suite
    from thbench.suite.split import Split


def missing_error(suite: Suite, lines: list[str]) -> UserError:
    for line in lines:
        click.echo(f"missing: {line}", err=True)
    return UserError(
        f"suite '{suite.name}' lacks {len(lines)} thing(s), listed above", "run the commands shown"
    )


def print_plan(suite: Suite, split: Split | None, missing: list[str]) -> None:
    """What a run would do, and what it lacks; exits with 2 where it lacks something."""
    from thbench.run.plan import describe

    if split is not None:
        for line in describe(suite, split):
            click.echo(line)
    for line in missing:
        click.echo(f"missing: {line}")
    if missing:
        sys.exit(2)


def show_results(results: list[Result], out: Path) -> None:
    from thbench.results.finished import finished_rows, tables_of
    from thbench.tables.screen import print_tables

    print_tables(results, tables_of(finished_rows(out))[1])
    for result in results:
        if result.clips.failed:
            click.echo(_failed(result), err=True)
    click.echo(f"{out / 'leaderboard.md'}")


def _failed(result: Result) -> str:
    """What did not come of a row, the most frequent reason in words."""
    clips = result.clips
    most, others = max(clips.failures, key=lambda f: f.count), len(clips.failures) - 1
    more = f", and {others} other reason(s) in its result.json" if others else ""
    return (
        f"{result.system.name}: {clips.failed} of {clips.n} clip(s) failed: {most.reason}{more}; "
        "--retry-failed asks again"
    )

"""What several commands print: tables, failures, plans and missing parts."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from thbench.errors import UserError, printable_text

if TYPE_CHECKING:
    from thbench.results.document import Result
    from thbench.suite import Suite
    from thbench.suite.split import Split

_FETCH = r"thbench weights fetch (\S+)$"


def missing_error(suite: Suite, lines: list[str], partial: bool = False) -> UserError:
    """Lists what is missing; `partial` offers to do what can be done without it."""
    for line in lines:
        click.echo(f"missing: {line}", err=True)
    names = dict.fromkeys(m[1] for line in lines for m in re.finditer(_FETCH, line))
    if len(names) > 1:
        click.echo(f"all weights together: thbench weights fetch {' '.join(names)}", err=True)
    remedy = "run the commands shown"
    if partial and not all(line.startswith("dataset ") for line in lines):
        remedy += ", or add --available: what can be done now is done, the rest is marked"
    return UserError(f"suite '{suite.name}' lacks {len(lines)} thing(s), listed above", remedy)


def print_left_out(left_out: Mapping[str, str]) -> None:
    """What --available leaves out, each with the command that brings what it lacks."""
    for who, why in left_out.items():
        click.echo(f"left out: {who}: {why}", err=True)


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


def show_results(
    results: list[Result],
    out: Path,
    left_out: Mapping[str, str] = MappingProxyType({}),
    all_columns: bool = False,
) -> None:
    """Tables and failures; exits with 1 where a system that was asked has no clip that was scored."""
    from thbench.results.finished import finished_rows, tables_of
    from thbench.results.people import people_of
    from thbench.results.sensitivity import sensitivity_of
    from thbench.tables.delivery import delivery_lines
    from thbench.tables.people import people_lines, people_tables
    from thbench.tables.screen import print_tables

    clips = tables_of(finished_rows(out))[1]
    print_tables(results, clips, all_columns)
    for line in delivery_lines(sensitivity_of(out), results, clips):
        click.echo(line)
    for line in people_lines(people_tables(people_of(out), results)):
        click.echo(printable_text(line))
    print_left_out(left_out)
    for result in results:
        if result.clips.failed and f"system {result.system.name}" not in left_out:
            click.echo(_failed(result), err=True)
    click.echo(f"{out / 'leaderboard.md'}")
    asked = [r for r in results if r.system.kind == "system"]
    asked = [r for r in asked if f"system {r.system.name}" not in left_out]
    if empty := [r for r in asked if not _scored(r)]:
        for result in empty:
            click.echo(f"{result.system.name}: no clip was scored", err=True)
        sys.exit(1)


def _scored(result: Result) -> bool:
    return any(score.n and score.value is not None for score in result.scores.values())


def _failed(result: Result) -> str:
    """What did not come of a row, the most frequent reason in words."""
    clips = result.clips
    most, others = max(clips.failures, key=lambda f: f.count), len(clips.failures) - 1
    more = f", and {others} other reason(s) in its result.json" if others else ""
    return (
        f"{result.system.name}: {clips.failed} of {clips.n} clip(s) failed: {most.reason}{more}; "
        "--retry-failed asks again"
    )

"""Tables on the screen, in parts that fit its width."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thbench.leaderboard import ARROWS, number, tables
from thbench.results import Result

_NARROWEST, _PADDING = 9, 3


def print_tables(results: Sequence[Result]) -> None:
    """One table per resolution on standard output, controls below the systems."""
    width = shutil.get_terminal_size((100, 24)).columns
    console = Console(file=sys.stdout, width=max(width, 80))
    for table in tables(results):
        for columns in _parts(table, console.width):
            console.print(_table(results[0], table, columns))


def _heading(name: str, column: dict[str, Any]) -> str:
    return f"{name} {ARROWS[column['better']]}"


def _parts(table: dict[str, Any], width: int) -> Iterator[list[str]]:
    """Columns in their order, as many at a time as fit beside the names of the systems."""
    fixed = 16 + max(len(row["system"]) for row in table["rows"]) + 3 * _PADDING
    part: list[str] = []
    used = fixed
    for name, column in table["columns"].items():
        needed = max(len(_heading(name, column)), _NARROWEST) + _PADDING
        if part and used + needed > width:
            yield part
            part, used = [], fixed
        part.append(name)
        used += needed
    yield part


def _table(first: Result, table: dict[str, Any], columns: list[str]) -> Table:
    shown = Table(
        title=f"{first.suite.name}, {table['resolution']} px, {first.split.n_clips} clips"
    )
    shown.add_column("#")
    shown.add_column("system", no_wrap=True)
    shown.add_column("clips", justify="right", no_wrap=True)
    for name in columns:
        heading = Text(_heading(name, table["columns"][name]))
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in table["rows"]:
        cells = [_cell(row["scores"].get(name)) for name in columns]
        if row["kind"] == "control" and not any(cells):
            continue
        style = "dim" if row["kind"] == "control" else None
        clips = f"{row['clips']}/{row['of']}"
        shown.add_row(str(row["rank"] or ""), Text(row["system"]), clips, *cells, style=style)
    return shown


def _cell(score: dict[str, Any] | None) -> str:
    if score is None:
        return ""
    if score["value"] is None:
        return "–"
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    return f"{number(score['value'])}{partial}"

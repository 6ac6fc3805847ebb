"""Tables on the screen."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thbench.leaderboard import ARROWS, number, tables
from thbench.results import Result


def print_tables(results: Sequence[Result]) -> None:
    """One table per resolution on standard output, controls below the systems."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    console = Console(file=sys.stdout, width=max(width, 80))
    for table in tables(results):
        console.print(_table(results[0], table))


def _table(first: Result, table: dict[str, Any]) -> Table:
    shown = Table(
        title=f"{first.suite.name}, {table['resolution']} px, {first.split.n_clips} clips"
    )
    shown.add_column("#")
    shown.add_column("system")
    shown.add_column("clips", justify="right")
    for name, column in table["columns"].items():
        shown.add_column(Text(f"{name} {ARROWS[column['better']]}"), justify="right")
    for row in table["rows"]:
        cells = [_cell(row["scores"].get(name)) for name in table["columns"]]
        style = "dim" if row["kind"] == "control" else None
        name = Text(row["system"])
        shown.add_row(
            str(row["rank"] or ""), name, f"{row['clips']}/{row['of']}", *cells, style=style
        )
    return shown


def _cell(score: dict[str, Any] | None) -> str:
    if score is None:
        return ""
    if score["value"] is None:
        return "–"
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    return f"{number(score['value'])}{partial}"

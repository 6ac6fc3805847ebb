"""Tables on the screen, in parts that fit its width."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thbench.results.document import Result
from thbench.statistics.paired import ACTORS_UNKNOWN, few_actors, pairs_note
from thbench.tables.build import Clips, tables
from thbench.tables.dashes import dashes
from thbench.tables.markdown import ARROWS, counted, score_text

_NARROWEST, _LONG, _PADDING = 8, 12, 3


def print_tables(results: Sequence[Result], clips: Clips | None = None) -> None:
    """Per resolution a table on standard output: a line per score, a column per system and control; below
    it why each dash is one.

    To stay narrow it shows no intervals; leaderboard.md has them.
    """
    width = max(shutil.get_terminal_size((100, 24)).columns, 80)
    console = Console(file=sys.stdout, width=width)
    for table in tables(results, clips):
        for rows in _parts(table, width):
            console.print(_table(results[0], table, rows))
        ranked = sum(row["place"] is not None for row in table["rows"])
        for note in (few_actors(results[0].split.n_actors), pairs_note(ranked)):
            if note and ranked > 1:
                console.print(note)
        if results[0].dataset.actors_unknown:
            console.print(ACTORS_UNKNOWN)
        for line in _below(table):
            console.print(Text(line))


def _below(table: dict[str, Any]) -> Iterator[str]:
    """What is to be said of the rows, why one has no place, and why each dash is one."""
    for row in table["rows"]:
        yield from (f"{row['system']}: {remark}" for remark in row["remarks"])
        yield from (f"{row['system']} is not ranked: {why}" for why in row["unranked_because"])
    yield from (f"– {line}" for line in dashes(table))


def _label(name: str, column: dict[str, Any]) -> str:
    return f"{name} {ARROWS[column['better']]}"


def _heading(row: dict[str, Any]) -> str:
    """The places it may hold and the name, a long one broken at its hyphens."""
    name = str(row["system"])
    name = name if len(name) <= _LONG else name.replace("-", "-\n")
    return f"#{row['place']} {name}" if row["place"] else name


def _parts(table: dict[str, Any], width: int) -> Iterator[list[dict[str, Any]]]:
    """Systems in their order, as many side by side as fit next to the names of the scores."""
    fixed = max(len(_label(n, c)) for n, c in table["columns"].items()) + _PADDING + 1
    part: list[dict[str, Any]] = []
    used = fixed
    for row in table["rows"]:
        needed = max(_NARROWEST, *(len(w) for w in _heading(row).split("\n"))) + _PADDING
        if part and used + needed > width:
            yield part
            part, used = [], fixed
        part.append(row)
        used += needed
    yield part


def _table(first: Result, table: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    shown = Table(
        title=f"{first.suite.name}, {table['resolution']} px, {first.split.n_clips} clips"
    )
    shown.add_column("")
    for row in rows:
        style = "dim" if row["kind"] == "control" else None
        shown.add_column(Text(_heading(row)), justify="right", no_wrap=True, style=style)
    shown.add_row("clips", *(f"{row['clips']}/{row['of']}" for row in rows))
    for name, column in table["columns"].items():
        cells = [_cell(row["scores"].get(name)) for row in rows]
        if any(cells):
            shown.add_row(Text(_label(name, column)), *cells)
    return shown


def _cell(score: dict[str, Any] | None) -> str:
    if score is None:
        return ""
    if score["value"] is None:
        return "–"
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    return "\n".join([f"{score_text(score['value'])}{partial}", *counted(score)])

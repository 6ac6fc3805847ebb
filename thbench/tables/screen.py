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
from thbench.tables.build import GIVEN, Clips, tables
from thbench.tables.dashes import dashes
from thbench.tables.headline import headline, hidden, only
from thbench.tables.markdown import ARROWS, entered, legend, score_text
from thbench.tables.notes import notes_of

_NARROWEST, _LONG, _PADDING, _WIDEST = 8, 12, 3, 34


def print_tables(
    results: Sequence[Result], clips: Clips | None = None, all_columns: bool = False
) -> None:
    """Per resolution a table on standard output: a line per score, a column per system and control; below
    it what the arrows mean and why each dash is one.

    Only headline scores, unless `all_columns`. To stay narrow it shows no intervals; leaderboard.md has
    them.
    """
    width = max(shutil.get_terminal_size((100, 24)).columns, 80)
    console = Console(file=sys.stdout, width=width)
    suite = results[0].suite
    for whole in tables(results, clips):
        names = headline(whole["columns"], suite.primary, suite.headline)
        table = whole if all_columns else only(whole, names)
        parts = list(_parts(table, width))
        for i, rows in enumerate(parts):
            console.print(
                _table(
                    results[0], table, rows, f", part {i + 1} of {len(parts)}" * (len(parts) > 1)
                )
            )
        said = (
            legend(table["columns"]),
            entered(table),
            hidden(whole["columns"], table["columns"]),
        )
        for line in filter(None, said):
            console.print(Text(line, style="dim"))
        ranked = sum(row["place"] is not None for row in table["rows"])
        for note in (few_actors(results[0].split.n_actors), pairs_note(ranked)):
            if note and ranked > 1:
                console.print(note)
        if results[0].dataset.actors_unknown:
            console.print(ACTORS_UNKNOWN)
        for line in _below(table):
            console.print(Text(line))


def _below(table: dict[str, Any]) -> Iterator[str]:
    """What is to be said of the rows, why one has no place, why each dash is one, and what metrics say of values."""
    for row in table["rows"]:
        yield from (f"{row['system']}: {remark}" for remark in row["remarks"])
        yield from (f"{row['system']} is not ranked: {why}" for why in row["unranked_because"])
    yield from (f"– {line}" for line in dashes(table))
    yield from notes_of((row["system"], row["scores"]) for row in table["rows"])


def _label(name: str, column: dict[str, Any]) -> str:
    """`psnr ↑, dB`."""
    unit = f", {column['unit']}" if column["unit"] else ""
    return f"{name} {ARROWS[column['better']]}{unit}"


def _heading(row: dict[str, Any]) -> str:
    """The places it may hold and the name, a long one broken at its hyphens."""
    name = str(row["system"])
    name = name if len(name) <= _LONG else name.replace("-", "-\n")
    return f"#{row['place']} {name}" if row["place"] else name


def _parts(table: dict[str, Any], width: int) -> Iterator[list[dict[str, Any]]]:
    """Systems in their order, as many side by side as fit next to the names of the scores."""
    longest = max(len(_label(n, c)) for n, c in table["columns"].items())
    fixed = min(longest, _WIDEST) + _PADDING + 1
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


def _table(first: Result, table: dict[str, Any], rows: list[dict[str, Any]], part: str) -> Table:
    shown = Table(
        title=f"{first.suite.name}, {table['resolution']} px, {first.split.n_clips} clips{GIVEN[table['given']]}{part}"
    )
    shown.add_column("", max_width=_WIDEST)
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
    return f"{score_text(score['value'])}{partial}"

"""Ranked tables as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from thbench.errors import printable_text
from thbench.results.document import Result
from thbench.statistics.paired import actors_notes, pairs_note
from thbench.tables.build import GIVEN, Clips, tables
from thbench.tables.headline import headline

_MEANING = {
    "lower": "↓ lower is better",
    "higher": "↑ higher is better",
    "nearer-reference": "→GT the nearer to the ground truth's value (row ground-truth) the better",
}
MARK = "‡"
"""On heads of columns of which something is to be said."""
ARROWS = {"lower": "↓", "higher": "↑", "nearer-reference": "→GT"}


def legend(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """What the arrows of these columns mean; only those that occur."""
    directions = {column["better"] for column in columns.values()}
    return "; ".join(words for better, words in _MEANING.items() if better in directions)


def leaderboard_markdown(
    results: Sequence[Result],
    clips: Clips | None = None,
    marked: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None,
) -> str:
    """leaderboard.md of a run: every system and control, coverage, n, and what each column is.

    marked  a table -> what is to be said of its columns, whose heads then carry MARK
    """
    suite, split = results[0].suite, results[0].split
    lines = [
        f"# {suite.name}",
        "",
        f"{split.n_clips} clips of {split.n_actors} actors (split `{split.name}`), "
        f"primary score: {f'`{suite.primary}`' if suite.primary else 'none'}. "
        "↓ lower, ↑ higher, →GT the nearer to the value of the row ground-truth the better. A missing value is –, with its reason below. "
        "[low, high] is the 95 % interval over actors; systems that the primary score cannot tell "
        "apart share places.",
        "",
    ]
    for reason in results[0].clips.without_reference:
        lines.append(
            f"- {reason.count} clip(s) without a usable reference: {escape_cell(reason.reason)}"
        )
    for note in actors_notes(split.n_actors, results[0].dataset.actors_unknown):
        lines += [f"{note}.", ""]
    for table in tables(results, clips):
        size, given = table["resolution"], GIVEN[table["given"]]
        lines += [f"## {size} × {size} px{given}", ""]
        chosen = headline(table["columns"], suite.primary, suite.headline)
        marks = marked(table) if marked else {}
        lines += markdown_table(table, first=chosen, marks=marks)
        if note := pairs_note(sum(row["place"] is not None for row in table["rows"])):
            lines += [f"{note}.", ""]
    return "\n".join(lines)


def markdown_table(
    table: dict[str, Any],
    extra: Sequence[str] = (),
    first: Sequence[str] | None = None,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """A table, what is to be said of its rows, and the identity of every column.

    extra  further keys of the rows to be shown
    first  the columns that stand in the table; the others in one that opens on a click. None: all
    marks  column -> what is said of it under the table; its head carries MARK
    """
    columns = table["columns"]
    shown = list(columns) if first is None else [c for c in columns if c in first]
    others = [c for c in columns if c not in shown]
    notes: list[str] = []
    lines = _grid(table, shown, extra, notes, marks)
    if others:
        head = f"<details><summary>{len(others)} more scores</summary>"
        lines += ["", head, "", *_grid(table, others, (), notes, marks), "", "</details>"]
    for row in table["rows"]:
        name = escape_cell(row["system"])
        notes += [f"{name} is not ranked: {escape_cell(why)}" for why in row["unranked_because"]]
        notes += [f"{name}: {escape_cell(remark)}" for remark in row["remarks"]]
        if row["kind"] == "system":
            notes.append(f"{name} was trained on: {escape_cell(row['trained_on'])}")
    notes += [f"{MARK} {escape_cell(marks[c])}" for c in columns if c in marks]
    lines += ["", *(f"- {note}" for note in notes), "", "Columns:", ""]
    return [*lines, *_identities(columns), ""]


def _grid(
    table: Mapping[str, Any],
    columns: Sequence[str],
    extra: Sequence[str],
    notes: list[str],
    marks: Mapping[str, str],
) -> list[str]:
    """The table itself; what is to be said of its cells goes into `notes`."""
    heads = ["#", "system", *extra, "clips"]
    heads += [
        f"{c} {ARROWS[table['columns'][c]['better']]}{f' {MARK}' if c in marks else ''}"
        for c in columns
    ]
    lines = ["| " + " | ".join(escape_cell(h) for h in heads) + " |", "|" + " --- |" * len(heads)]
    for row in table["rows"]:
        name = escape_cell(row["system"])
        cells = [row["place"] or "", f"*{name}*" if row["kind"] == "control" else name]
        cells += [escape_cell(row[key]) for key in extra]
        cells.append(f"{row['clips']}/{row['of']}")
        cells += [_markdown_cell(row, column, notes) for column in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _identities(columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What each column is; columns of one identity share a line."""
    named: dict[str, list[str]] = {}
    for name, column in columns.items():
        unit = f", {escape_cell(column['unit'])}" if column["unit"] else ""
        named.setdefault(column["identity_digest"], []).append(f"`{escape_cell(name)}`{unit}")
    known = {c["identity_digest"]: c["identity"] for c in columns.values()}
    return [
        f"- {'; '.join(names)}: identity {digest[:12]} = "
        f"`{escape_cell(json.dumps(known[digest], sort_keys=True, ensure_ascii=False))}`"
        for digest, names in named.items()
    ]


def _markdown_cell(row: dict[str, Any], column: str, notes: list[str]) -> str:
    score = row["scores"].get(column)
    if score is None:
        return ""
    if score["value"] is None:
        notes.append(
            f"{escape_cell(row['system'])}, {escape_cell(column)}: {escape_cell(score['reason'] or 'no value')}"
        )
        return "–"
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    mark = " †" if column in row.get("self_reported", ()) else ""
    name = escape_cell(row["system"])
    notes += [
        f"{name}, {escape_cell(column)}: {escape_cell(note)}" for note in score.get("notes", ())
    ]
    return f"{with_interval(score)}{partial}{mark}"


def with_interval(score: Mapping[str, Any]) -> str:
    """`12.6 [11.9, 13.4], 512 frames`: value, interval where it has one with a width, what entered it."""
    text, interval = score_text(score["value"]), score.get("interval")
    if interval is not None and interval["low"] is not None and interval["low"] != interval["high"]:
        text += f" [{score_text(interval['low'])}, {score_text(interval['high'])}]"
    return ", ".join([text, *counted(score)])


def counted(score: Mapping[str, Any]) -> list[str]:
    """`512 frames`: how much entered a set's value."""
    return [f"{n} {unit}" for unit, n in score.get("counts", {}).items()]


def entered(table: Mapping[str, Any]) -> str:
    """How much entered the values of sets, said once: `fid: 534 frames (reference-halves 294)`."""
    found: dict[str, list[str]] = {}
    for name in table["columns"]:
        counts: dict[str, list[str]] = {}
        for row in table["rows"]:
            if score := row["scores"].get(name):
                counts.setdefault(", ".join(counted(score)), []).append(row["system"])
        counts.pop("", None)
        if counts:
            usual, *others = sorted(counts.items(), key=lambda item: -len(item[1]))
            apart = "; ".join(f"{', '.join(rows)}: {text}" for text, rows in others)
            found.setdefault(usual[0] + (f" ({apart})" if apart else ""), []).append(name)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in found.items())


def score_text(value: float) -> str:
    """Four significant digits, as tables of this field print them; exact values are in the files."""
    if 0 < abs(value) < 1e-9:
        return "≈0"  # what rounding leaves of a distance between equal sets
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def escape_cell(text: str) -> str:
    """Text from outside in a Markdown table: no markup, no HTML, no line break, nothing that turns its order."""
    text = printable_text(" ".join(str(text).split()))
    for old, new in (
        ("\\", "\\\\"),
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("*", "\\*"),
        ("[", "\\["),
    ):
        text = text.replace(old, new)
    return text.replace("`", "'")

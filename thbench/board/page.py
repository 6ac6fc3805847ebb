"""The leaderboard's data as a page of Markdown; every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thbench.leaderboard import ARROWS, escape_cell, markdown_table

TITLE = """\
# Leaderboard

Written from the files of this folder by `thbench leaderboard build`; a test keeps it current. How to add a row and
what the tiers mean: [docs/leaderboard.md](../docs/leaderboard.md).

Each table has one suite, split, resolution, and identity of every column, and is sorted by the suite's primary score
alone. Only systems with complete coverage are ranked. [low, high] is the 95 % interval over actors; systems that the
primary score cannot tell apart share places. Values marked † are self-reported: they belong to a whole set of videos,
and nobody else has computed them again. "Sets from features": they follow from the features of every frame that the
entrant handed in."""

MEASURED = """\
## Real faces

"""
SYNTHETIC = """\
## Synthetic faces

Drawn people with synthesised speech: they show that the harness works and what its numbers do. **They say nothing
about real faces**, and are never to be set beside the tables above."""
PUBLISHED = """\
## Published

Numbers that papers printed, digit for digit, each measured with the paper's own code, crops, splits and clips. They
are quoted, not ranked, neither among each other nor with measured rows; `thbench/normalise.py` says what may be done
with them."""


def page(data: Mapping[str, Any]) -> str:
    """README.md of the leaderboard."""
    lines = [TITLE, "", MEASURED.rstrip(), ""]
    lines += _measured(data["measured"]) or ["No measured rows yet.", ""]
    lines += [PUBLISHED, ""]
    for name, published in data["published"].items():
        lines += _published(name, published)
    if data["synthetic"]:
        lines += [SYNTHETIC, "", *_measured(data["synthetic"])]
    return "\n".join(lines).rstrip() + "\n"


def _measured(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for table in tables:
        size = table["resolution"]
        lines += [
            f"### {escape_cell(table['suite'])}, {size} × {size} px",
            "",
            f"{table['n_clips']} clips of {table['n_actors']} actors, split "
            f"`{escape_cell(table['split'])}`, dataset `{escape_cell(table['dataset'])}`, primary score "
            f"`{escape_cell(table['primary'] or 'none')}`, suite digest {table['suite_digest'][:12]}.",
            "",
            *markdown_table(dict(table), extra=("verified",)),
            *_entrants(table["rows"]),
            "",
        ]
    return lines


def _entrants(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who handed in what, and where its document lies."""
    for row in rows:
        if row["kind"] == "control":
            continue
        submission = row["submission"] or {}
        said = {
            "by": submission.get("submitter"),
            "licence": submission.get("licence"),
            "reproduce": submission.get("reproduce"),
            "weights without commercial use": ", ".join(row["non_commercial"]),
        }
        words = "; ".join(f"{k}: {escape_cell(str(v))}" for k, v in said.items() if v)
        yield (
            f"- [{escape_cell(row['system'])}]({row['file']}), revision {escape_cell(row['revision'])}"
            + (f"; {words}" if words else "")
        )


def _published(name: str, published: Mapping[str, Any]) -> list[str]:
    lines = [f"### {escape_cell(name)}", "", escape_cell(published["about"]), ""]
    for key, source in published["sources"].items():
        rows = [row for row in published["rows"] if row["source"] == key]
        if rows:
            lines += _source(source, rows, published["metrics"])
    return lines


def _source(
    source: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]
) -> list[str]:
    """One paper's rows, its protocol as far as known, and where it contradicts itself."""
    columns = [m for m in metrics if any(m in row["values"] for row in rows)]
    heads = [f"{metrics[m]['title']} {ARROWS[metrics[m]['better']]}" for m in columns]
    notes: list[str] = []
    link = f", {source['url']}" if source["url"] else ""
    year = f", {source['year']}" if source["year"] else ""
    lines = [
        f"**{escape_cell(source['title'])}** ({escape_cell(source['authors'])}{year}{link}; "
        f"{escape_cell(source['where'])})",
        "",
        "| " + " | ".join(["system", "px", *map(escape_cell, heads)]) + " |",
        "|" + " --- |" * (len(columns) + 2),
    ]
    for row in rows:
        cells = [_system(row, notes), str(row["resolution"] or "?")]
        cells += [_cell(row, metric, notes) for metric in columns]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"{i}. {note}" for i, note in enumerate(notes, 1)), ""] if notes else [""]
    said = source["protocol"].items()
    lines += [f"- {escape_cell(metrics[m]['title'])}: {escape_cell(text)}" for m, text in said]
    lines += [f"- Conflict: {escape_cell(text)}" for text in source["conflicts"]]
    return [*lines, ""]


def _system(row: Mapping[str, Any], notes: list[str]) -> str:
    name = escape_cell(row["system"])
    name = f"*{name}*" if row["role"] == "ground-truth" else name
    settings = ", ".join(f"{k} {v}" for k, v in row["settings"].items())
    marks = _mark(row["note"], notes)
    if row["selected_on_evaluation_split"]:
        marks += _mark(
            f"Chosen on the clips it is scored on ({row['selected_on_evaluation_split']}).", notes
        )
    return name + (f", {escape_cell(settings)}" if settings else "") + marks


def _cell(row: Mapping[str, Any], metric: str, notes: list[str]) -> str:
    cell = row["values"].get(metric)
    if cell is None:
        return ""
    unit = None if cell["unit"] is None else f"Unit: {cell['unit'] or 'none'}."
    said = " ".join(filter(None, [unit, cell["note"]]))
    return str(cell["printed"]) + _mark(said or None, notes)


def _mark(note: str | None, notes: list[str]) -> str:
    """The number of a footnote, the same for the same text."""
    if note is None:
        return ""
    text = escape_cell(note)
    if text not in notes:
        notes.append(text)
    return f" ({notes.index(text) + 1})"

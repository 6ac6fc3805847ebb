"""What papers printed, as Markdown: under measured tables, never in them. Every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.controls import GROUND_TRUTH
from thbench.files.shipped import published_folder
from thbench.published.rows import load_published
from thbench.published.scaled import on_scale_of, scaled
from thbench.results.document import Result
from thbench.results.finished import finished_rows, tables_of
from thbench.results.people import People, people_of
from thbench.results.sensitivity import Sensitivity, sensitivity_of
from thbench.tables.build import Clips, tables
from thbench.tables.delivery import delivery_notes
from thbench.tables.export import Format, csv_text
from thbench.tables.markdown import ARROWS, escape_cell, leaderboard_markdown
from thbench.tables.people import people_markdown, people_tables

QUOTED = """\
Numbers that papers printed, digit for digit, each measured with the paper's own code, crops, splits and clips. They
are quoted, not ranked, neither among each other nor with measured rows; `thbench/published/normalise.py` says what may be done
with them."""


def run_page(
    results: Sequence[Result],
    clips: Clips | None = None,
    delivered: Sensitivity | None = None,
    people: Sequence[People] = (),
) -> str:
    """leaderboard.md of a run: its tables, below them what people said, and what papers printed about its
    dataset, as printed and on the scale of the run's ground truth. `delivered` marks columns, see
    `thbench.tables.delivery`; `people` stand in tables of their own."""
    dataset = results[0].dataset.plugin.name
    file = published_folder() / f"{dataset}.yaml"
    page = leaderboard_markdown(
        results, clips, lambda table: delivery_notes(delivered, table, results)
    )
    if people:
        page = "\n".join([page.rstrip(), "", *people_markdown(people_tables(people, results))])
    if not file.is_file():
        return page
    published = load_published(file)
    rows = quoted(published.model_dump(mode="json", by_alias=True))
    for truth in (r for r in results if r.system.name == GROUND_TRUTH):
        rows += scaled(on_scale_of(truth, published))
    head = f"## Published about {escape_cell(dataset)}"
    return "\n".join([page.rstrip(), "", head, "", QUOTED, "", *rows])


def page_of(run: Path, results: Sequence[Result], clips: Clips | None) -> str:
    """As `run_page`, with what the run folder holds of sensitivity and of people."""
    return run_page(results, clips, sensitivity_of(run), people_of(run))


def quoted(published: Mapping[str, Any]) -> list[str]:
    """The rows of one dataset (a dumped `Published`), paper by paper."""
    lines = [escape_cell(published["about"]), ""]
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


def formatted(run: Path, form: Format) -> str:
    """The tables of a run as Markdown or CSV, all columns. Raises UserError for a folder without results."""
    if not run.is_dir():
        raise UserError(f"{run} is no run folder", "give the folder of a finished run")
    results, clips = tables_of(finished_rows(run))
    if form == "markdown":
        return page_of(run, results, clips)
    return csv_text(tables(results, clips))

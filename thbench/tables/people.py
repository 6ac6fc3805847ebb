"""What people said of a run's videos, as tables of their own: never mixed with computed columns.

Pure functions of the stored file and the run's results. Every text is plain; whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from thbench.results.document import Result
from thbench.results.people import EntryVotes, Estimate, Form, People, PeopleQuestion
from thbench.tables.markdown import escape_cell, score_text


@dataclass(frozen=True)
class PeopleTable:
    """One question of one study: cells under heads, best first, and what is to be said, a line each."""

    heading: str
    about: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def people_tables(found: Sequence[People], results: Sequence[Result]) -> list[PeopleTable]:
    """A table per study and question. Systems whose videos are others now stand without numbers, with the reason."""
    return [_table(study, q, results) for study in found for q in study.questions]


def _table(study: People, question: PeopleQuestion, results: Sequence[Result]) -> PeopleTable:
    here = {
        (r.system.name, r.system.kind, r.system.resolution): r.clips.videos_digest
        for r in results
        if r.suite.digest == study.suite_digest
    }
    seen = {(s.name, s.kind, s.resolution): s.videos_digest for s in study.shown}
    rows, notes = [], []
    for entry in question.entries:
        key = (entry.name, entry.kind, entry.resolution)
        if key in here and here[key] == seen.get(key):
            rows.append(people_row(study.form, entry))
            continue
        gone = "has other videos now than people saw" if key in here else "is not in this run"
        notes.append(f"{entry.name} {gone}: no number")
        cells = people_row(study.form, entry)
        rows.append(["", entry.name, *("–" for _ in cells[2:])])
    title = f" ({study.title})" if study.title else ""
    return PeopleTable(
        f"{question.question}, as {study.kept} people see it{title}",
        f"{meaning(study.form)}; [low, high] is the 95 % interval over raters and clips. {study.kept} of "
        f"{study.raters} raters count, on {study.clips} clips.",
        people_heads(study.form),
        rows,
        [*notes, *question.said, study.rule],
    )


def meaning(form: Form) -> str:
    """What a score is."""
    if form == "mos":
        return "mean rating, 1 to 5"
    return "worth in log odds, mean 0 (Bradley-Terry with Davidson's ties)"


def people_heads(form: Form) -> list[str]:
    middle = ["worth ↑", "share of wins"] if form == "2afc" else ["mean rating ↑"]
    return ["#", "system", *middle, "votes"]


def people_row(form: Form, entry: EntryVotes) -> list[str]:
    """Cells under `people_heads`."""
    share = [] if form == "mos" else ["–" if entry.share is None else f"{entry.share:.0%}"]
    return [entry.place, entry.name, estimate_text(entry.score), *share, str(entry.votes)]


def estimate_text(estimate: Estimate) -> str:
    """`0.31 [0.1, 0.52]`; a dash where there is no value."""
    if estimate.value is None:
        return "–"
    text = score_text(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" [{score_text(estimate.low)}, {score_text(estimate.high)}]"
    return text


def people_lines(tables: Sequence[PeopleTable]) -> list[str]:
    """A line per table, for the screen: `sync, as 21 people see it: 1 alpha 0.31 [0.1, 0.52] (30 votes); ...`."""
    return [f"{t.heading}: {'; '.join(map(_line, t.rows))}" for t in tables]


def _line(row: Sequence[str]) -> str:
    return f"{row[0] or '–'} {row[1]} {row[2]} ({row[-1]} votes)"


def people_markdown(tables: Sequence[PeopleTable]) -> list[str]:
    """Lines under the measured tables of a run; none without tables."""
    return (
        ["## What people see", "", *(line for t in tables for line in _markdown(t))]
        if tables
        else []
    )


def _markdown(table: PeopleTable) -> Iterator[str]:
    yield from (f"### {escape_cell(table.heading)}", "", escape_cell(table.about), "")
    yield "| " + " | ".join(table.heads) + " |"
    yield "|" + " --- |" * len(table.heads)
    for row in table.rows:
        yield "| " + " | ".join(map(escape_cell, row)) + " |"
    yield from ("", *(f"- {escape_cell(note)}" for note in table.notes), "")

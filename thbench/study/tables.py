"""A study as tables: Markdown, CSV, and lines for the screen. People's numbers stand in tables of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from thbench.results.people import EntryVotes
from thbench.study.document import PairVotes, QuestionResult, StudyResult
from thbench.tables.export import spreadsheet_safe
from thbench.tables.markdown import escape_cell
from thbench.tables.people import estimate_text, meaning, people_heads, people_row

_CSV_HEAD = (
    *("question", "place", "system", "kind", "resolution", "what", "value", "low", "high"),
    *("share", "votes", "ties", "raters", "clips", "note"),
)


def said(result: StudyResult) -> list[str]:
    """How the answers came in and which count, a line each."""
    lines = [
        f"{result.kept} of {result.raters} raters count, on {result.clips} clips; {result.files} files",
        result.rule,
    ]
    lines += [f"{n} rater(s) dropped: {reason}" for reason, n in result.dropped.items()]
    lines += [f"{n} file(s) not used: {reason}" for reason, n in result.unused.items()]
    if result.regularise:
        lines.append(
            f"regularised: {result.regularise:g} votes added to every pair, half a win for either side"
        )
    suspects = [line for line in result.rater_lines if line.suspect]
    lines += [
        f"rater {line.rater}: {line.suspect} ({line.agreement:.0%} of {line.compared} answers as the "
        f"others'){' — dropped' if line.dropped_because else ' — kept'}"
        for line in suspects
    ]
    return lines


def said_of_question(question: QuestionResult) -> list[str]:
    """What stands below a question's table."""
    lines = [
        f"{question.votes} votes"
        + (f", {question.ties} ties" if question.tie_weight is not None else "")
    ]
    if question.alpha is None:
        lines.append("agreement of raters: nothing was rated by two, or all rated alike")
    else:
        lines.append(
            f"agreement of raters: Krippendorff's alpha {question.alpha:.2f} ({question.alpha_level})"
        )
    if question.left_share is not None:
        lines.append(
            f"the left or first one was chosen in {question.left_share:.0%} of the answers that chose"
        )
    if question.note:
        lines.append(f"no scores: {question.note}; --regularise 1 gives some")
    for pair in question.pairs:
        if not pair.decided:
            lines.append(f"{pair.first} and {pair.second} are not told apart: {_needed(pair)}")
    return lines


def _needed(pair: PairVotes) -> str:
    if pair.more_raters is None:
        return pair.note or "nothing can be said"
    return f"about {pair.more_raters} more raters would (power 0.8, if the difference is what it seems)"


def markdown(result: StudyResult) -> str:
    """study.md."""
    lines = [f"# {escape_cell(result.title) or 'What people say'}", ""]
    lines += [f"- {escape_cell(line)}" for line in said(result)]
    for question in result.questions:
        lines += ["", *question_markdown(result, question)]
    return "\n".join(lines) + "\n"


def question_markdown(result: StudyResult, question: QuestionResult) -> list[str]:
    """One question: a table, what is to be said of it, and the pairs."""
    heads = people_heads(result.form)
    lines = [
        f"## {escape_cell(question.question)} (people)",
        "",
        f"{meaning(result.form)}; [low, high] is the 95 % interval over raters and clips.",
        "",
    ]
    lines += _markdown_rows(
        heads,
        [
            [escape_cell(c) for c in row]
            for row in [people_row(result.form, e) for e in question.entries]
        ],
    )
    lines += ["", *(f"- {escape_cell(line)}" for line in said_of_question(question)), ""]
    if question.pairs:
        rows = [[escape_cell(c) for c in _pair_row(result, pair)] for pair in question.pairs]
        lines += _markdown_rows(_pair_heads(result), rows)
    return lines


def _pair_heads(result: StudyResult) -> list[str]:
    counts = ["first : tie : second"] if result.form == "2afc" else []
    return ["first", "second", *counts, "difference", "told apart"]


def _pair_row(result: StudyResult, pair: PairVotes) -> list[str]:
    counts = [f"{pair.wins} : {pair.ties} : {pair.losses}"] if result.form == "2afc" else []
    told = "yes" if pair.decided else "no"
    return [pair.first, pair.second, *counts, estimate_text(pair.difference), told]


def _markdown_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def csv_text(result: StudyResult) -> str:
    """study.csv: one line per question and system, exact values."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for question in result.questions:
        for entry in question.entries:
            writer.writerow(list(_csv_line(result, question, entry)))
    return buffer.getvalue()


def _csv_line(result: StudyResult, question: QuestionResult, entry: EntryVotes) -> Iterator[Any]:
    score = entry.score
    yield from (
        question.question,
        entry.place,
        spreadsheet_safe(entry.name),
        entry.kind,
        entry.resolution,
    )
    yield "people: " + meaning(result.form)
    yield from (
        "" if v is None else repr(v) for v in (score.value, score.low, score.high, entry.share)
    )
    yield from (entry.votes, entry.ties, result.kept, result.clips, spreadsheet_safe(score.note))


def print_study(result: StudyResult) -> None:
    """A table per question on standard output, and what is to be said."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for question in result.questions:
        table = Table(title=f"{question.question} (people), {meaning(result.form)}")
        for head in people_heads(result.form):
            table.add_column(head, justify="left" if head == "system" else "right")
        for row in [people_row(result.form, e) for e in question.entries]:
            table.add_row(*map(Text, row))
        console.print(table)
        for line in said_of_question(question):
            console.print(Text(line))
    for line in said(result):
        console.print(Text(line))

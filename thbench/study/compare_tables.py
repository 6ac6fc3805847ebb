"""Metrics beside people as JSON, Markdown, charts and lines for the screen. Computes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from thbench.charts.plots import IntervalMark, interval_chart
from thbench.files.atomic import atomic_write
from thbench.files.canonical import file_name
from thbench.statistics.rank_correlation import Correlation
from thbench.study.compare import Beside, Comparison
from thbench.tables.markdown import ARROWS, escape_cell

HEADS = (
    *("score", "ρ of systems", "τ of systems", "ρ of videos", "τ of videos", "votes alike"),
    "concluded from",
)
MEANING = (
    "ρ is Spearman's, τ Kendall's coefficient (tau-b); +1 is the people's order, -1 the opposite, whichever "
    "direction of the score is better. Of systems: their scores; of videos: what was said of each against its own "
    "number, clips resampled: of these systems and raters on other clips, not of other systems. Votes alike: of the votes that chose, those that the metric would have cast (0.5 is "
    "chance). [low, high] is the 95 % interval, of each on its own: of many scores, one in twenty leaves 0 out by "
    "chance."
)


def questions_of(comparison: Comparison) -> list[str]:
    """In the study's order."""
    return list(dict.fromkeys(b.question for b in comparison.beside))


def table(comparison: Comparison, question: str) -> list[list[str]]:
    """Cells of one question's table, under HEADS."""
    return [
        [
            f"{b.column} {ARROWS[b.better]}",
            *(_text(c) for c in (b.systems, b.systems_kendall, b.videos, b.videos_kendall)),
            _share(b),
            " and ".join(b.told_by) or "nothing",
        ]
        for b in comparison.beside
        if b.question == question
    ]


def warnings(comparison: Comparison, question: str) -> list[str]:
    """Which scores nothing can be concluded of and why, a line per reason."""
    found: dict[str, list[str]] = {}
    for b in comparison.beside:
        if b.question == question and b.warning:
            found.setdefault(b.warning, []).append(b.column)
    return [f"{', '.join(columns)}: {why}" for why, columns in found.items()]


def _text(found: Correlation | None) -> str:
    if found is None or found.value is None:
        return "–"
    ends = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{ends}, n {found.n}"


def _share(beside: Beside) -> str:
    if beside.votes is None:
        return "–"
    low, high = beside.votes.low, beside.votes.high
    ends = "" if low is None or high is None else f" [{max(low, 0):.2f}, {min(high, 1):.2f}]"
    return f"{beside.votes.value:.2f}{ends}, n {beside.n_votes}"


def json_text(comparison: Comparison) -> str:
    """metrics.json: exact values."""
    data = asdict(comparison)
    data["beside"] = [
        {**asdict(b), "concluded_from": b.told_by, "warning": b.warning} for b in comparison.beside
    ]
    return json.dumps({"schema": 1, **data}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def markdown(comparison: Comparison) -> str:
    """metrics.md."""
    lines = ["# Metrics beside people", ""]
    lines += [*(f"- {escape_cell(line)}" for line in comparison.said), "", MEANING, ""]
    for question in questions_of(comparison):
        name = escape_cell(question)
        lines += [f"## {name}", "", f"![{name}]({chart_name(question)})", ""]
        lines += ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
        lines += [
            "| " + " | ".join(map(escape_cell, row)) + " |" for row in table(comparison, question)
        ]
        lines += ["", *(f"- {escape_cell(line)}" for line in warnings(comparison, question)), ""]
    return "\n".join(lines).rstrip() + "\n"


def chart_name(question: str) -> str:
    return f"metrics-{file_name(question)}.svg"


def chart(comparison: Comparison, question: str) -> str:
    """An <svg>: Spearman's coefficient of each score, over systems and over videos; dashed: no agreement."""
    rows = []
    for b in comparison.beside:
        for level, found, colour in (
            ("systems", b.systems, "#0072B2"),
            ("videos", b.videos, "#D55E00"),
        ):
            if b.question == question and found is not None:
                note = found.note or f"n {found.n}"
                label = f"{b.column}, {level}"
                rows.append(IntervalMark(label, found.value, found.low, found.high, colour, note))
    title = f"{question}: Spearman's coefficient with people"
    label = "+1: the order of people, −1: the opposite"
    return interval_chart(rows, title=title, x_label=label, width=640, level=0.0)


def write_comparison(comparison: Comparison, out: Path) -> list[Path]:
    """OUT/metrics.md, metrics.json and a chart per question."""
    texts = {"metrics.md": markdown(comparison), "metrics.json": json_text(comparison)}
    texts |= {chart_name(q): chart(comparison, q) for q in questions_of(comparison)}
    for name, text in texts.items():
        atomic_write(out / name, text)
    return [out / name for name in texts]


def print_comparison(comparison: Comparison) -> None:
    """A table per question on standard output, and what nothing can be concluded of."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for question in questions_of(comparison):
        shown = Table(title=f"{question}: metrics beside people")
        for head in HEADS:
            shown.add_column(head)
        for row in table(comparison, question):
            shown.add_row(*map(Text, row))
        console.print(shown)
        for line in warnings(comparison, question):
            console.print(Text(line))
    for line in comparison.said:
        console.print(Text(line))

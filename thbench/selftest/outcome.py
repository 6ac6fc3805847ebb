"""What a self-test found, as JSON, Markdown and a table on the screen. Computes no verdict."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thbench.files.atomic import atomic_write
from thbench.selftest.measure import Reaction
from thbench.selftest.picture import as_svg
from thbench.selftest.plan import Question
from thbench.selftest.trial import TrialOutcome
from thbench.tables.markdown import escape_cell, score_text

_STYLES = {"ok": "green", "FAILED": "bold red", "undeclared": "cyan", "untested": "yellow"}
_HEADS = ("metric", "score", "corruption", "declared", "slope", "Spearman", "clips", "verdict")


def write(outcome: TrialOutcome, out: Path) -> list[Path]:
    """selftest.json, selftest.md and selftest.svg in the folder `out`."""
    texts = {
        "selftest.json": as_json(outcome),
        "selftest.md": as_markdown(outcome),
        "selftest.svg": as_svg(outcome),
    }
    for name, text in texts.items():
        atomic_write(out / name, text)
    return [out / name for name in texts]


def as_json(outcome: TrialOutcome) -> str:
    """Everything, for programs: `report` shows it on metric cards."""
    plan = outcome.plan.model_dump(mode="json", by_alias=True, exclude={"questions"})
    data = {
        "schema": 1,
        "plan": plan,
        "dataset": dict(outcome.dataset),
        "clip_ids": list(outcome.clips),
        "tested": list(outcome.tested),
        "unavailable": dict(outcome.unavailable),
        "findings": [_record(f) for f in outcome.findings],
    }
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _record(found: Reaction) -> dict[str, Any]:
    curve = found.curve
    return {
        "metric": found.metric,
        "score": found.score,
        "unit": found.unit,
        "corruption": found.corruption,
        "declared": found.declared,
        "verdict": found.verdict.word,
        "why": found.verdict.why,
        "points": [list(p) for p in curve.points] if curve else [],
        "slope": found.slope,
        "spearman": found.spearman,
        "n": found.n,
        "of": found.of,
        "lost": dict(found.lost),
    }


# -- words ----------------------------------------------------------------------------------------


def summary(outcome: TrialOutcome) -> str:
    """One line: how many declarations hold, fail and could not be tested."""
    count = {w: sum(f.verdict.word == w for f in outcome.findings) for w in _STYLES}
    untested = sum(f.verdict.word == "untested" and bool(f.declared) for f in outcome.findings)
    return (
        f"{len(outcome.tested)} metrics on {len(outcome.clips)} clips: {count['ok']} declarations "
        f"hold, {count['FAILED']} fail, {untested} could not be tested; "
        f"{count['undeclared']} reactions are not declared; "
        f"{len(outcome.unavailable)} metrics unavailable"
    )


def as_markdown(outcome: TrialOutcome) -> str:
    """selftest.md: verdicts, what could not be tested and why, the questions, every other reaction."""
    plan, dataset = outcome.plan, outcome.dataset
    lines = [
        "# Self-test of metrics",
        "",
        f"{summary(outcome)}.",
        "",
        f"Clips of `{escape_cell(str(dataset['name']))}` (version "
        f"{escape_cell(str(dataset['version']))}) at {plan.resolution} px: "
        + ", ".join(f"`{escape_cell(c)}`" for c in outcome.clips)
        + ".",
        "",
        "Slope: change per unit of the corruption, by least squares. Spearman: rank correlation of "
        "amount and value. `+` and `-` are measured against the size of the amount, `=n` against the "
        f"amount itself and may lie {plan.tolerance:g} of a step off the line. Clips: those scored at "
        "every amount.",
        "",
    ]
    lines += _corruption_table(outcome)
    tested = [f for f in outcome.findings if f.declared or f.verdict.word == "FAILED"]
    lines += ["## What is declared", "", *_table(tested)]
    if outcome.unavailable:
        lines += ["## Not tested", ""]
        lines += [f"- `{n}`: {escape_cell(why)}" for n, why in sorted(outcome.unavailable.items())]
        lines.append("")
    for question in plan.questions:
        lines += _answer(outcome, question)
    undeclared = [f for f in outcome.findings if f.verdict.word == "undeclared"]
    lines += ["## Reactions that are not declared", "", *_table(undeclared)]
    unaffected = [f for f in outcome.findings if f.verdict.word == "unaffected"]
    lines += ["Unaffected, without a declaration: ", ""]
    lines += [f"- {_named(f)} under {escape_cell(f.corruption)}" for f in unaffected] or ["- none"]
    lines += ["", *_losses(outcome)]
    return "\n".join(lines).rstrip() + "\n"


def _corruption_table(outcome: TrialOutcome) -> list[str]:
    lines = ["| corruption | amounts | unit |", "| --- | --- | --- |"]
    for name, damage in outcome.plan.corruptions.items():
        amounts = ", ".join(f"{a:g}" for a in damage.amounts)
        lines.append(f"| {escape_cell(name)} | {amounts} | {escape_cell(damage.unit)} |")
    return [*lines, ""]


def _table(findings: Sequence[Reaction]) -> list[str]:
    if not findings:
        return ["None.", ""]
    lines = ["| " + " | ".join(_HEADS) + " |", "|" + " --- |" * len(_HEADS)]
    for found in findings:
        lines.append("| " + " | ".join(escape_cell(c) for c in _cells(found)) + " |")
    return [*lines, ""]


def _cells(found: Reaction) -> tuple[str, ...]:
    verdict = found.verdict
    return (
        found.metric,
        found.score or "all",
        found.corruption or "all",
        found.declared or "–",
        _short(found.slope),
        "–" if found.spearman is None else f"{found.spearman:+.2f}",
        f"{found.n}/{found.of}",
        f"{verdict.word}: {verdict.why}" if verdict.why else verdict.word,
    )


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3g}"


def _named(found: Reaction) -> str:
    same = found.metric.partition("@")[0] == found.score
    words = f"`{escape_cell(found.metric)}`"
    return words if same else f"{words} `{escape_cell(found.score)}`"


def _answer(outcome: TrialOutcome, question: Question) -> list[str]:
    """A table of values by amount for every tested metric that has one of the scores."""
    amounts = (0.0, *outcome.plan.corruptions[question.corruption].amounts)
    heads = ["score", *(f"{a:g}" if a else "clean" for a in sorted(amounts)), "change", "declared"]
    lines = [f"## {escape_cell(question.title)}", ""]
    lines += [escape_cell(question.about), ""] if question.about else []
    shown = [
        f for f in outcome.findings
        if f.corruption == question.corruption and f.score in question.scores
    ]  # fmt: skip
    if not shown:
        return [*lines, "None of these scores could be tested here.", ""]
    lines += ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for found in shown:
        values = dict(found.curve.points) if found.curve else {}
        cells = [score_text(values[a]) if a in values else "–" for a in sorted(amounts)]
        row = [_named(found), *cells, _change(found), found.declared or "nothing"]
        lines.append("| " + " | ".join(row) + " |")
    return [*lines, ""]


def _change(found: Reaction) -> str:
    """From the clean clip to the largest amount; in percent where the clean value allows it."""
    if found.curve is None:
        return "–"
    clean, last = found.curve.clean, found.curve.points[-1][1]
    if clean <= 0:
        return f"{last - clean:+.3g}"
    return f"{100 * (last - clean) / clean:+.0f} %"


def _losses(outcome: TrialOutcome) -> list[str]:
    """Clips that could not be scored, with reasons and counts."""
    found = [
        f"- `{escape_cell(f.metric)}` under {escape_cell(f.corruption)}: {escape_cell(reason)} ({n})"
        for f in outcome.findings
        for reason, n in f.lost.items()
    ]
    return ["## Clips without a value", "", *dict.fromkeys(found), ""] if found else []


# -- screen ---------------------------------------------------------------------------------------


def print_outcome(outcome: TrialOutcome) -> None:
    """The table on standard output; what is unaffected without a declaration is only counted."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
    console = Console(file=sys.stdout, width=max(width, 80))
    table = Table(title="selftest")
    for head in _HEADS:
        table.add_column(
            head, justify="right" if head in ("slope", "Spearman", "clips") else "left"
        )
    for found in _ordered(outcome):
        cells = [Text(c) for c in _cells(found)]
        cells[-1].stylize(_STYLES.get(found.verdict.word, ""))
        table.add_row(*cells)
    console.print(table)
    for name, why in sorted(outcome.unavailable.items()):
        console.print(Text(f"unavailable: {name}: {why}"))
    console.print(Text(summary(outcome)))


def _ordered(outcome: TrialOutcome) -> Iterator[Reaction]:
    """Failures last, where the eye is when the table has scrolled past."""
    for word in ("undeclared", "untested", "ok", "FAILED"):
        yield from (
            f for f in outcome.findings
            if f.verdict.word == word and (f.declared or word in ("undeclared", "FAILED"))
        )  # fmt: skip

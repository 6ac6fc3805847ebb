"""A run's tables for papers: Markdown, LaTeX, CSV, with identities as footnotes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from thbench.results.document import Result
from thbench.statistics.paired import ACTORS_UNKNOWN
from thbench.tables.markdown import ARROWS, counted, with_interval

Format: TypeAlias = Literal["markdown", "latex", "csv"]
_CSV_HEAD = (
    *("resolution", "place", "system", "kind", "score", "value", "low", "high", "n", "of"),
    *("counts", "unit", "better", "identity", "reason"),
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "→": r"$\rightarrow$",
    "–": "--",
    "×": r"$\times$",
    "≈": r"$\approx$",
    "−": "$-$",
}


def latex_text(first: Result, found: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(line for table in found for line in _latex_table(first, table)) + "\n"


def _latex_table(first: Result, table: Mapping[str, Any]) -> list[str]:
    """A tabular of booktabs; columns of one identity share a footnote."""
    columns = table["columns"]
    marks, notes = footnotes(columns)
    heads = [
        f"{latex(name)} {latex(ARROWS[c['better']])}$^{{{marks[name]}}}$"
        for name, c in columns.items()
    ]
    size = table["resolution"]
    caption = (
        f"{first.suite.name}, {size} × {size} pixels, {first.split.n_clips} clips of "
        f"{first.split.n_actors} actors (split {first.split.name}), 95 % intervals over actors"
    )
    if first.dataset.actors_unknown:
        caption += f"; {ACTORS_UNKNOWN}"
    return [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex(caption)}}}",
        rf"\begin{{tabular}}{{ll{'r' * (len(columns) + 1)}}}",
        r"\toprule",
        " & ".join(["", "system", "clips", *heads]) + r" \\",
        r"\midrule",
        *(_latex_row(row, list(columns)) for row in table["rows"]),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize $^{{{i}}}$ {latex(note)}" for i, note in enumerate(notes, 1)),
        r"\end{table}",
    ]


def _latex_row(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    name = latex(row["system"])
    name = rf"\emph{{{name}}}" if row["kind"] == "control" else name
    cells = [row["place"] or "", name, f"{row['clips']}/{row['of']}"]
    cells += [latex(_text(row["scores"].get(c))) for c in columns]
    return " & ".join(latex(cell) if cell == row["place"] else cell for cell in cells) + r" \\"


def _text(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    if score["value"] is None:
        return "–"
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    return with_interval(score) + partial


def footnotes(columns: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """Column -> number of its footnote, and the footnotes: one per identity."""
    digests: list[str] = []
    notes: list[str] = []
    for column in columns.values():
        if column["identity_digest"] not in digests:
            digests.append(column["identity_digest"])
            identity = json.dumps(column["identity"], sort_keys=True, ensure_ascii=False)
            notes.append(f"identity {column['identity_digest'][:12]}: {identity}")
    return {n: digests.index(c["identity_digest"]) + 1 for n, c in columns.items()}, notes


def latex(text: str) -> str:
    """Text from outside in LaTeX: every character that would be a command is spelled out."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def csv_text(found: Sequence[Mapping[str, Any]]) -> str:
    """One line per system and score, exact values; the identity stands on every line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for table in found:
        for row in table["rows"]:
            for name, score in row["scores"].items():
                writer.writerow(_csv_line(table, row, name, score))
    return buffer.getvalue()


def _csv_line(
    table: Mapping[str, Any], row: Mapping[str, Any], name: str, score: Mapping[str, Any]
) -> list[Any]:
    column, interval = table["columns"][name], score["interval"] or {}
    return [
        table["resolution"],
        row["place"] or "",
        spreadsheet_safe(row["system"]),
        row["kind"],
        spreadsheet_safe(name),
        *(
            "" if v is None else repr(v)
            for v in (score["value"], interval.get("low"), interval.get("high"))
        ),
        score["n"],
        score["of"],
        "; ".join(counted(score)),
        spreadsheet_safe(column["unit"]),
        column["better"],
        column["identity_digest"],
        spreadsheet_safe(score["reason"] or ""),
    ]


def spreadsheet_safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text

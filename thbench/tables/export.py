"""A run's tables as CSV, and text from outside in CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from thbench.errors import printable_text
from thbench.tables.markdown import counted

Format: TypeAlias = Literal["markdown", "csv"]
_CSV_HEAD = (
    *("resolution", "place", "system", "kind", "score", "value", "low", "high", "n", "of"),
    *("counts", "unit", "better", "identity", "reason", "given"),
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
    "±": r"$\pm$",
}


def latex(text: str) -> str:
    """Text from outside in LaTeX: every character that would be a command is spelled out."""
    return "".join(
        _LATEX.get(character, character) for character in printable_text(" ".join(text.split()))
    )


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
        table["given"],
    ]


def spreadsheet_safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text

"""A run's tables as CSV to the letter, and text that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from thbench.tables.export import csv_text, latex, spreadsheet_safe


def table(**score: Any) -> dict[str, Any]:
    made = {
        "value": 0.1, "n": 3, "of": 4, "interval": {"low": 1e-9, "high": 2.0}, "reason": None,
        "counts": {"frames": 7, "windows": 2}, **score,
    }  # fmt: skip
    row = {"system": "=a", "kind": "system", "place": "1–2", "scores": {"m": made}}
    column = {"unit": "-px", "better": "lower", "identity_digest": "1" * 64}
    return {"resolution": 64, "given": "recording", "columns": {"m": column}, "rows": [row]}


def lines(*tables: dict[str, Any]) -> list[list[str]]:
    return list(csv.reader(csv_text(tables).splitlines()))


def test_every_cell_has_its_column() -> None:
    head, line = lines(table())
    assert head == [
        "resolution", "place", "system", "kind", "score", "value", "low", "high", "n", "of",
        "counts", "unit", "better", "identity", "reason", "given",
    ]  # fmt: skip
    assert line == [
        "64", "1–2", "'=a", "system", "m", "0.1", "1e-09", "2.0", "3", "4",
        "7 frames; 2 windows", "'-px", "lower", "1" * 64, "", "recording",
    ]  # fmt: skip


def test_what_is_not_there_is_empty_and_a_zero_is_a_zero() -> None:
    missing = table(value=None, interval=None, reason="+ dark", counts={})
    missing["rows"][0]["place"] = None
    _, line, other = lines(missing, table(value=0.0, interval={"low": None, "high": None}))
    assert line[1] == "" and line[5:8] == ["", "", ""] and line[10] == ""
    assert line[14] == "'+ dark"
    assert other[5:8] == ["0.0", "", ""]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", " =1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert spreadsheet_safe(text) == f"'{text.strip()}"


@pytest.mark.parametrize(("text", "safe"), [("", ""), ("a =1", "a =1"), ("a\n b", "a b")])
def test_other_text_is_as_it_is(text: str, safe: str) -> None:
    assert spreadsheet_safe(text) == safe


def test_no_character_is_a_command_in_latex() -> None:
    assert latex("& % $ # _ { } ~ ^ \\ < >") == (
        r"\& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{}"
    )
    assert latex("↓ ↑ → – × ≈ − ±") == (
        r"$\downarrow$ $\uparrow$ $\rightarrow$ -- $\times$ $\approx$ $-$ $\pm$"
    )
    assert latex("a \n b") == "a b"

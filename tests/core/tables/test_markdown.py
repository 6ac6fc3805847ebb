"""Markdown tables to the letter: cells, intervals, notes, identities, and text that stays text."""

from __future__ import annotations

from typing import Any

import pytest

from made import result
from thbench.results.document import Reason, Result
from thbench.tables.markdown import (
    entered,
    escape_cell,
    leaderboard_markdown,
    legend,
    markdown_table,
    score_text,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.3456, "12.35"), (0.00012344, "0.0001234"), (9999.6, "1e+04"), (10000.4, "10000"),
        (123456.7, "123457"), (-20000.0, "-20000"), (-1.5, "-1.5"), (0.0, "0"), (5e-10, "≈0"),
        (-5e-10, "≈0"), (1e-9, "1e-09"), (1e15, "1e+15"), (9e14, "900000000000000"),
    ],
)  # fmt: skip
def test_four_digits_are_shown(value: float, text: str) -> None:
    assert score_text(value) == text


def score(value: float | None = 12.5, **change: Any) -> dict[str, Any]:
    return {
        "value": value,
        "n": 4,
        "of": 4,
        "interval": None,
        "reason": None,
        "notes": [],
        "counts": {},
        **change,
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "12.5"),
        ({"interval": {"low": 11.94, "high": 13.4}}, "12.5 [11.94, 13.4]"),
        ({"interval": {"low": 12.5, "high": 12.5}}, "12.5"),
        ({"interval": {"low": None, "high": None}}, "12.5"),
        ({"counts": {"frames": 512, "clips": 9}}, "12.5, 512 frames, 9 clips"),
        ({"interval": {"low": 1.0, "high": 2.0}, "counts": {"frames": 5}}, "12.5 [1, 2], 5 frames"),
    ],
)  # fmt: skip
def test_a_value_with_its_interval_and_what_entered_it(change: dict[str, Any], text: str) -> None:
    assert with_interval(score(**change)) == text


def table() -> dict[str, Any]:
    """Two columns, a system and a control."""
    columns = {
        "m": {
            "better": "lower",
            "unit": "grey levels",
            "identity": {"name": "m"},
            "identity_digest": "1" * 64,
        },
        "near": {
            "better": "nearer-reference",
            "unit": "",
            "identity": {"name": "m"},
            "identity_digest": "1" * 64,
        },
        "other": {
            "better": "higher",
            "unit": "",
            "identity": {"ü": 1, "name": "o"},
            "identity_digest": "2" * 64,
        },
    }
    row = {
        "system": "a_b",
        "kind": "system",
        "place": "1–2",
        "clips": 4,
        "of": 4,
        "trained_on": "nothing",
        "unranked_because": [],
        "remarks": ["3 are dark"],
        "tier": "t|x",
        "scores": {
            "m": score(),
            "near": score(None, reason="too dark"),
            "other": score(3.0, n=3, notes=["few"]),
        },
        "self_reported": ["other"],
    }
    control = {
        "system": "still",
        "kind": "control",
        "place": None,
        "clips": 3,
        "of": 4,
        "trained_on": "",
        "unranked_because": ["why not"],
        "remarks": [],
        "tier": "",
        "scores": {"m": score(1.0)},
    }
    return {"columns": columns, "rows": [row, control]}


def test_a_whole_table() -> None:
    assert markdown_table(table(), extra=["tier"]) == [
        "| # | system | tier | clips | m ↓ | near →GT | other ↑ |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| 1–2 | a_b | t\\|x | 4/4 | 12.5 | – | 3 (3/4) † |",
        "|  | *still* |  | 3/4 | 1 |  |  |",
        "",
        "- a_b, near: too dark",
        "- a_b, other: few",
        "- a_b: 3 are dark",
        "- a_b was trained on: nothing",
        "- still is not ranked: why not",
        "",
        "Columns:",
        "",
        '- `m`, grey levels; `near`: identity 111111111111 = `{"name": "m"}`',
        '- `other`: identity 222222222222 = `{"name": "o", "ü": 1}`',
        "",
    ]


def test_other_columns_open_on_a_click() -> None:
    lines = markdown_table(table(), first=["other", "m"])
    start = lines.index("<details><summary>1 more scores</summary>")
    assert lines[0] == "| # | system | clips | m ↓ | other ↑ |"
    assert lines[start - 1 : start + 3] == [
        "", "<details><summary>1 more scores</summary>", "", "| # | system | clips | near →GT |",
    ]  # fmt: skip
    assert lines[start + 6 : start + 8] == ["", "</details>"]
    assert "details" not in "".join(markdown_table(table(), first=["m", "near", "other"]))


def test_a_missing_reason_is_no_value() -> None:
    made = table()
    made["rows"][0]["scores"]["near"]["reason"] = None
    assert "- a_b, near: no value" in markdown_table(made)


def test_the_legend_explains_what_occurs() -> None:
    columns = table()["columns"]
    assert legend({"m": columns["m"]}) == "↓ lower is better"
    assert legend({"other": columns["other"], "m": columns["m"]}) == (
        "↓ lower is better; ↑ higher is better"
    )


def test_what_entered_sets_is_said_once_per_kind() -> None:
    def row(name: str, frames: int, windows: int) -> dict[str, Any]:
        counts = {"fid": {"frames": frames}, "kid": {"frames": frames}, "fvd": {"windows": windows}}
        return {"system": name, "scores": {c: {"counts": n} for c, n in counts.items()}}

    rows = [row("a", 5, 2), row("b", 5, 2), row("c", 3, 2), {"system": "d", "scores": {"m": {}}}]
    made = {"columns": {"fid": {}, "kid": {}, "fvd": {}, "m": {}}, "rows": rows}
    assert entered(made) == "fid, kid: 5 frames (c: 3 frames); fvd: 2 windows"
    assert entered({"columns": {"m": {}}, "rows": rows}) == ""


def test_text_from_outside_stays_text() -> None:
    assert escape_cell("a|b*c[d]\\e`f") == "a\\|b\\*c\\[d]\\\\e'f"
    assert escape_cell("<b>&amp;\n  x") == "&lt;b&gt;&amp;amp; x"
    assert "\u202e" not in escape_cell("a\u202eb")


def page(*rows: Result) -> str:
    return leaderboard_markdown(rows)


def test_the_page_of_a_run() -> None:
    made = result("a", "system", 64, {"m": [1.0, 2.0], "extra": [3.0, 5.0]}, 2)
    lost = Reason(reason="no <face>", count=3, clips=("x",))
    made = made.model_copy(
        update={"clips": made.clips.model_copy(update={"without_reference": (lost,)})}
    )
    lines = page(made).splitlines()
    assert lines[0] == "# made"
    assert lines[2].startswith("2 clips of 1 actors (split `all`), primary score: `m`. ↓ lower")
    assert "- 3 clip(s) without a usable reference: no &lt;face&gt;" in lines
    assert "1 actor is few: no test of two systems can go below p = 1." in lines
    assert "## 64 × 64 px" in lines
    assert "2 systems make" not in page(made, result("b", "system", 64, {"m": [1.0]}, 2))
    three = [result(n, "system", 64, {"m": [1.0]}, 2) for n in "abc"]
    assert "3 systems make 3 pairs, each compared at 95%" in page(*three)
    bare = made.model_copy(update={"suite": made.suite.model_copy(update={"primary": None})})
    assert "primary score: none." in page(bare)

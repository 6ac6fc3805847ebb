"""People's numbers in the tables of a run: apart from computed ones, with n, escaped, and only of the videos they saw."""

from __future__ import annotations

from typing import Any

import pytest

from guards import some
from made import result
from thbench.published.page import run_page
from thbench.results.document import Result
from thbench.results.people import EntryVotes, Estimate, People
from thbench.tables.people import people_lines, people_markdown, people_row, people_tables

NASTY = "<img src=x>|`b`[c](d)"


def entry(name: str, value: float | None, place: str, **other: Any) -> dict[str, Any]:
    score = {
        "value": value,
        "low": None,
        "high": None,
        "note": "" if value is not None else "no votes",
    }
    return {
        "name": name, "kind": "system", "resolution": 64, "score": {**score, **other}, "share": 0.625,
        "votes": 40, "ties": 3, "place": place,
    }  # fmt: skip


def study(**changed: Any) -> People:
    shown = [
        {"name": n, "kind": "system", "resolution": 64, "videos_digest": "5" * 64}
        for n in ("a", "b", NASTY)
    ]
    entries = (
        entry("a", 0.5, "1", low=0.25, high=0.75),
        entry("b", -0.5, "2"),
        entry(NASTY, None, ""),
    )
    data: dict[str, Any] = {
        "schema": 1, "study": "0" * 16, "title": "", "form": "2afc", "suite_digest": "1" * 64, "shown": shown,
        "rule": "dropped for more than one failed catch trial", "raters": 24, "kept": 21, "clips": 12,
        "questions": [{"question": "sync", "entries": entries, "said": ["60 votes, 3 ties"]}],
    }  # fmt: skip
    return People.model_validate({**data, **changed}, strict=False)


def rows() -> list[Result]:
    return [result(n, "system", 64, {"m": [1.0, 2.0]}, 2) for n in ("a", "b", NASTY)]


def test_a_table_has_scores_intervals_and_n() -> None:
    (table,) = people_tables([study()], rows())
    assert table.heading == "sync, as 21 people see it"
    assert "21 of 24 raters count, on 12 clips" in table.about
    assert table.heads == ["#", "system", "worth ↑", "share of wins", "votes"]
    assert table.rows == [
        ["1", "a", "0.5 [0.25, 0.75]", "62%", "40"],
        ["2", "b", "-0.5", "62%", "40"],
        ["", NASTY, "–", "62%", "40"],
    ]
    assert table.notes == ["60 votes, 3 ties", "dropped for more than one failed catch trial"]
    assert people_lines([table])[0].startswith(
        "sync, as 21 people see it: 1 a 0.5 [0.25, 0.75] (40 votes); 2 b -0.5 (40 votes); – "
    )


def test_ratings_have_no_share() -> None:
    (table,) = people_tables([study(form="mos", title="Faces")], rows())
    assert table.heading == "sync, as 21 people see it (Faces)"
    assert table.heads == ["#", "system", "mean rating ↑", "votes"]
    assert [len(row) for row in some(table.rows)] == [4, 4, 4]


def test_numbers_of_other_videos_are_not_shown() -> None:
    shown = study().model_dump()["shown"]
    shown[0]["videos_digest"] = "6" * 64
    (table,) = people_tables([study(shown=shown)], rows()[:1] + rows()[2:])
    assert table.rows[0] == ["", "a", "–", "–", "–"]
    assert table.rows[1] == ["", "b", "–", "–", "–"]
    assert table.rows[2][-1] == "40"
    assert table.notes[:2] == [
        "a has other videos now than people saw: no number",
        "b is not in this run: no number",
    ]
    (other,) = people_tables([study(suite_digest="9" * 64)], rows())
    assert {row[2] for row in some(other.rows)} == {"–"}


def test_markdown_is_escaped_and_stands_below_measured_tables() -> None:
    lines = people_markdown(people_tables([study(title=NASTY, rule=NASTY)], rows()))
    text = "\n".join(lines)
    assert lines[0] == "## What people see"
    assert "<img" not in text
    assert text.count("&lt;img src=x&gt;\\|'b'\\[c](d)") == 3
    assert people_markdown([]) == []
    page = run_page(rows(), None, None, [study()])
    assert page.index("| m ↓ |") < page.index("## What people see")
    assert "## What people see" not in run_page(rows())
    measured = page.split("## What people see")[0]
    assert "worth" not in measured
    assert measured.rstrip() == run_page(rows()).rstrip()


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Estimate(value=None, note="no votes"), "–"),
        (Estimate(value=0.0), "0"),
        (Estimate(value=1.23456, low=1.0, high=None), "1.235"),
        (Estimate(value=1.23456, low=1.0, high=1.5), "1.235 [1, 1.5]"),
    ],
)
def test_a_score_is_shown_with_both_ends_or_none(score: Estimate, text: str) -> None:
    one = EntryVotes(
        name="a", kind="system", resolution=64, score=score, share=None, votes=0, ties=0, place=""
    )
    assert people_row("2afc", one) == ["", "a", text, "–", "0"]

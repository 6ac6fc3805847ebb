"""Columns of a result: their names, what they are, and the table of clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs import SUITE, Run, start
from thbench.api import UserError
from thbench.run.folder import VideoFolder
from thbench.score.columns import (
    Columns,
    check_columns,
    clips_table,
    column_identity,
    columns_of,
)
from thbench.score.reduce import RowKey, Scored

TWICE = SUITE.replace(
    "[toy-brightness]", "[toy-brightness, {metric: toy-brightness, scale: 2.0, as: twice}]"
)


def run(folder: Path, text: str = SUITE) -> Run:
    return start(folder, text)


@pytest.fixture
def columns(tmp_path: Path) -> Columns:
    return columns_of(run(tmp_path, TWICE).job)


def test_a_second_metric_of_one_name_has_its_own_columns(columns: Columns) -> None:
    assert [c.name for c in columns] == [
        "brightness", "spread", "brightness@twice", "spread@twice",
    ]  # fmt: skip
    assert [c.metric for c in columns] == [0, 0, 1, 1]
    assert [c.score for c in columns] == ["brightness", "spread"] * 2


def test_rows_that_are_no_scores_have_the_metrics_name(columns: Columns) -> None:
    assert columns.row(0, "brightness") == "brightness"
    assert columns.row(1, "brightness") == "brightness@twice"
    assert columns.row(0, "n_frames") == "toy-brightness.n_frames"
    assert columns.row(1, "failure") == "toy-brightness.failure@twice"


def checked(folder: Path, text: str) -> None:
    made = run(folder, text)
    check_columns(made.suite, columns_of(made.job))


def test_a_usual_suite_passes(tmp_path: Path) -> None:
    checked(tmp_path, TWICE + "headline: [spread@twice, brightness]\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[toy-brightness]", "[toy-brightness, toy-rival]", "both give the column 'spread'"),
        ("primary: brightness", "primary: brightnes", "brightnes"),
        ("primary: brightness", "primary: brightness\nheadline: [spread, sprea]", "sprea"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = SUITE.replace(old, new)
    assert text != SUITE
    with pytest.raises(UserError, match=message):
        checked(tmp_path, text)


def test_a_metric_that_cannot_be_built_leaves_names_unchecked(tmp_path: Path) -> None:
    made = run(tmp_path, SUITE.replace("primary: brightness", "primary: other\nheadline: [more]"))
    columns = Columns(tuple(made.suite.metrics), ({},))
    check_columns(made.suite, columns)


def test_the_identity_holds_resolution_and_decoder(columns: Columns) -> None:
    part = columns.parts[0]
    exact = column_identity(part, 32)
    assert exact == {**part.identity, "resolution": 32}
    assert column_identity(part, 32, "fast") == {**exact, "decode": "fast"}
    assert column_identity(part, 64) != exact


@pytest.fixture
def row(tmp_path: Path) -> Scored:
    return Scored(RowKey("s", "system", 32, VideoFolder(tmp_path, tmp_path)), {})


def table(columns: Columns, folder: Path, row: Scored, **given: dict[str, str]) -> list[list[str]]:
    split = run(folder, TWICE).split
    return [line.split(",") for line in clips_table(columns, split, row, **given).splitlines()]


def test_a_line_per_clip_of_the_split(columns: Columns, tmp_path: Path, row: Scored) -> None:
    row.rows = {
        1: {"1001_BBB": {"brightness": 2.5}},
        0: {"1001_AAA": {"brightness": 1.5, "n_frames": 7.0}},
    }
    row.failures = {(1, "1001_AAA"): "too dark", (0, "1002_AAA"): "again"}
    row.records = {"1002_AAA": {"failure": "refused"}}
    head, *lines = table(columns, tmp_path, row, absent={"1003_CCC": "no face"})
    assert head == [
        "clip", "actor", "failure", "brightness", "toy-brightness.n_frames", "brightness@twice",
        "toy-brightness.failure@twice",
    ]  # fmt: skip
    assert len(lines) == 9
    assert lines[0] == ["1001_AAA", "1001", "", "1.5", "7.0", "", "too dark"]
    assert lines[1] == ["1001_BBB", "1001", "", "", "", "2.5", ""]
    assert lines[3] == ["1002_AAA", "1002", "refused", "", "", "", ""]  # said once
    assert lines[8] == ["1003_CCC", "1003", "no face", "", "", "", ""]


def test_no_failure_no_column_of_reasons(columns: Columns, tmp_path: Path, row: Scored) -> None:
    row.rows = {0: {"1001_AAA": {"brightness": 1.5}}}
    assert table(columns, tmp_path, row)[0] == ["clip", "actor", "failure", "brightness"]


def test_what_the_record_says_goes_before_what_the_reference_says(
    columns: Columns, tmp_path: Path, row: Scored
) -> None:
    row.records = {"1001_AAA": {"failure": "refused"}}
    lines = table(columns, tmp_path, row, absent={"1001_AAA": "no face"})
    assert lines[1] == ["1001_AAA", "1001", "refused"]

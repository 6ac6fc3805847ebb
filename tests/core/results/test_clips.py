"""The clips table: what is written is read back, what is no table is refused, no value is dropped."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from thbench.errors import UserError
from thbench.results.clips import HEAD, clips_text, parse_clips

COLUMNS = [*HEAD, "psnr", "psnr.failure", "lag.failure@96"]
ROWS = [
    {"clip": "a", "actor": "1", "failure": "no video", "psnr": None},
    {"clip": "b", "actor": "2", "psnr": 31.25, "lag.failure@96": "silent"},
    {"clip": "c", "actor": "2", "psnr.failure": "no frames", "lag.failure@96": "silent"},
]


def test_what_is_written_is_read() -> None:
    table = parse_clips(clips_text(COLUMNS, ROWS), "clips.csv")
    assert dict(table.actors) == {"a": "1", "b": "2", "c": "2"}
    assert dict(table.failures) == {"a": "no video"}
    assert table.numbers("psnr") == {"b": 31.25}
    assert table.number_columns == ["psnr"]


def test_every_clip_without_a_value_has_all_its_reasons() -> None:
    table = parse_clips(clips_text(COLUMNS, ROWS), "clips.csv")
    assert table.reasons() == {
        "a": "no video",
        "b": "lag@96 silent",
        "c": "psnr no frames; lag@96 silent",
    }


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(UserError, match="has no column 'ssim'"):
        parse_clips(clips_text(COLUMNS, ROWS), "clips.csv").numbers("ssim")


@pytest.mark.parametrize("cell", ["much", "nan", "inf"])
def test_a_cell_that_is_no_finite_number(cell: str) -> None:
    table = parse_clips(f"clip,actor,failure,psnr\na,1,,{cell}\n", "clips.csv")
    with pytest.raises(UserError, match="clip a: psnr is no finite number"):
        table.numbers("psnr")


@pytest.mark.parametrize(
    "head", ["actor,clip,failure,psnr", "clip,actor,failure,psnr,psnr", "clip,actor", ""]
)
def test_wrong_columns_are_no_clips_table(head: str) -> None:
    with pytest.raises(UserError, match="its columns are not right"):
        parse_clips(head + "\n", "clips.csv")


@pytest.mark.parametrize("line", ["a,1,", "a,1,,3,4", "a,1,,3\na,2,,3"])
def test_a_line_too_short_too_long_or_twice(line: str) -> None:
    with pytest.raises(UserError, match="the line of clip"):
        parse_clips(f"clip,actor,failure,psnr\n{line}\n", "clips.csv")


def test_a_table_that_was_read_is_not_changed() -> None:
    table = parse_clips("clip,actor,failure\na,1,\n", "t")
    with pytest.raises(FrozenInstanceError, match="file"):
        table.file = "other"  # type: ignore[misc]

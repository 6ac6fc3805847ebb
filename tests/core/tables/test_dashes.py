"""Under a table on the screen stands why each dash is one."""

from __future__ import annotations

from pathlib import Path

from runs import SUITE
from thbench.tables.dashes import dashes


def table(cells: dict[str, dict[str, str | float]]) -> dict[str, object]:
    """`cells`: row -> column -> a number, or the reason for none."""
    rows = [
        {
            "system": name,
            "scores": {
                column: {"value": None, "reason": cell}
                if isinstance(cell, str)
                else {"value": cell, "reason": None}
                for column, cell in of.items()
            },
        }
        for name, of in cells.items()
    ]
    columns = dict.fromkeys(column for of in cells.values() for column in of)
    return {"columns": columns, "rows": rows}


def test_a_reason_that_every_row_has_is_said_once() -> None:
    cells = {"mine": {"fid": "no weights", "kid": "no weights"}, "still": {"fid": "no weights"}}
    assert list(dashes(table(cells))) == ["fid: no weights", "kid (mine): no weights"]


def test_rows_and_columns_of_a_reason_are_named() -> None:
    cells: dict[str, dict[str, str | float]] = {
        "mine": {"lmd": "no face", "psnr": 30.0, "ssim": "too small"},
        "yours": {"lmd": 2.0, "psnr": 31.0, "ssim": "too small"},
        "still": {"lmd": "no face", "psnr": 20.0, "ssim": 0.5},
    }
    assert list(dashes(table(cells))) == [
        "lmd (mine, still): no face",
        "ssim (mine, yours): too small",
    ]


def test_a_table_without_dashes_has_no_lines() -> None:
    assert list(dashes(table({"mine": {"psnr": 1.0}, "yours": {}}))) == []


def test_the_screen_says_why_no_clip_was_scored(thbench, suite: Path, tmp_path: Path) -> None:
    suite.write_text(SUITE.replace("resolution: 32}", "resolution: 32, fault: refuse}"))
    done = thbench("run", suite, "--out", tmp_path / "out")
    under = done.out[done.out.index("– ") :]
    assert "(echo): no clip was scored: the toy refuses (9 of 9 clips)" in " ".join(under.split())

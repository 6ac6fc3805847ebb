"""A row and the files it is read from: of a run, and of a leaderboard."""

from __future__ import annotations

import shutil
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from made import made_run
from thbench.results.row import clips_file, read_row, table_file


def test_a_row_of_a_run_has_its_table_beside_it(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", ["a"], 2) / "systems" / "s0"
    assert table_file(folder / "result.json") == folder / "clips.csv"
    row = read_row(folder / "result.json")
    assert row.key == ("a", "system", 96) and row.name == "a"
    assert len(row.clips.actors) == 2
    with pytest.raises(FrozenInstanceError, match="path"):
        row.path = tmp_path  # type: ignore[misc]


def test_a_committed_row_has_a_table_of_its_name(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", ["a"], 2) / "systems" / "s0"
    committed = tmp_path / "board" / "3.json"
    committed.parent.mkdir()
    shutil.copy(folder / "result.json", committed)
    shutil.copy(folder / "clips.csv", committed.with_name("3.clips.csv"))
    assert clips_file(committed) == table_file(committed) == committed.with_name("3.clips.csv")
    assert read_row(committed).clips.actors == read_row(folder / "result.json").clips.actors

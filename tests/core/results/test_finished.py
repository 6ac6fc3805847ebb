"""A finished run read back: its rows in the order of its tables, and where a row belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from made import made_run
from thbench.errors import UserError
from thbench.results.finished import finished_rows, ground_truths, run_folder_of, tables_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("run") / "run", ["b", "c", "a"], 3, sizes=(64, 32))


def test_rows_come_by_resolution_controls_first_then_names(run: Path) -> None:
    rows = finished_rows(run)
    assert [(r.result.system.resolution, r.name) for r in rows] == [
        (32, "ground-truth"), (32, "c"), (64, "ground-truth"), (64, "a"), (64, "b"),
    ]  # fmt: skip
    assert all(r.clips.actors for r in rows)


def test_one_row_by_its_folder_or_its_document(run: Path) -> None:
    folder = run / "systems" / "s1"
    (one,) = finished_rows(folder)
    (same,) = finished_rows(folder / "result.json")
    assert one.name == same.name == "c" and one.path == folder / "result.json"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no result"):
        finished_rows(tmp_path)


def test_the_run_that_something_belongs_to(run: Path, tmp_path: Path) -> None:
    assert run_folder_of(run) == run
    assert run_folder_of(run / "systems" / "s0") == run
    assert run_folder_of(run / "systems" / "s0" / "result.json") == run
    assert run_folder_of(run / "controls" / "32" / "ground-truth") == run
    assert run_folder_of(run / "controls" / "32" / "ground-truth" / "result.json") == run
    committed = tmp_path / "1.json"
    committed.write_text("{}")
    assert run_folder_of(committed) is None


def test_ground_truths_by_resolution(run: Path) -> None:
    assert [r.system.resolution for r in ground_truths(run)] == [32, 64]
    with pytest.raises(UserError, match="has no ground truth"):
        ground_truths(run / "systems" / "s0")


def test_tables_are_made_of_results_and_clips(run: Path) -> None:
    rows = finished_rows(run)
    results, tables = tables_of(rows)
    assert results == [r.result for r in rows]
    assert list(tables) == [
        (32, "ground-truth"), (32, "c"), (64, "ground-truth"), (64, "a"), (64, "b"),
    ]  # fmt: skip
    assert tables[64, "b"] is rows[4].clips

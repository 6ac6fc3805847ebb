"""Systems that are given other things never share a table, a rank or a mark."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from made import made_run, result
from thbench.report import overview
from thbench.report.run_data import read_run
from thbench.results.document import Result, read_result, result_text
from thbench.tables.build import tables
from thbench.tables.export import csv_text
from thbench.tables.markdown import leaderboard_markdown
from thbench.tables.screen import print_tables


def edits(row: Result) -> Result:
    return row.model_copy(update={"system": row.system.model_copy(update={"given": "recording"})})


def rows() -> list[Result]:
    values = {"far": [3.0, 5.0], "near": [2.0, 2.5], "edit": [0.1, 0.2], "edit-2": [0.2, 0.3]}
    found = {name: result(name, "system", 64, {"m": v}, 2) for name, v in values.items()}
    truth = result("ground-truth", "control", 64, {"m": [0.0, 0.0]}, 2)
    return [found["far"], edits(found["edit-2"]), truth, edits(found["edit"]), found["near"]]


def test_each_kind_has_its_own_table_and_ranks_with_the_controls() -> None:
    one, other = tables(rows())
    assert (one["given"], other["given"]) == ("image", "recording")
    assert [(r["system"], r["rank"]) for r in one["rows"]] == [
        ("near", 1), ("far", 2), ("ground-truth", None),
    ]  # fmt: skip
    assert [(r["system"], r["rank"]) for r in other["rows"]] == [
        ("edit", 1), ("edit-2", 2), ("ground-truth", None),
    ]  # fmt: skip


def test_headings_say_it(capsys) -> None:  # type: ignore[no-untyped-def]
    page = leaderboard_markdown(rows())
    assert "## 64 × 64 px\n" in page
    assert "## 64 × 64 px, systems that edit the recording itself\n" in page
    print_tables(rows())
    assert "edit the" in capsys.readouterr().out
    lines = list(csv.DictReader(io.StringIO(csv_text(tables(rows())))))
    assert {(line["system"], line["given"]) for line in lines} == {
        ("near", "image"), ("far", "image"), ("edit", "recording"), ("edit-2", "recording"),
        ("ground-truth", "image"), ("ground-truth", "recording"),
    }  # fmt: skip


def test_controls_alone_are_one_table() -> None:
    (table,) = tables([result("ground-truth", "control", 64, {"m": [0.0]}, 1)])
    assert [r["system"] for r in table["rows"]] == ["ground-truth"]


def test_the_document_names_it_only_where_it_is_no_picture() -> None:
    plain, other = rows()[0], rows()[1]
    assert '"given"' not in result_text(plain)
    assert '"given": "recording"' in result_text(other)


def test_a_report_marks_the_best_of_each_and_shows_a_control_once(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b", "c", "d"], n_clips=400)
    for name in ("s2", "s3"):
        file = run / "systems" / name / "result.json"
        file.write_text(result_text(edits(read_result(file))))
    material = read_run(run)
    assert [e.name for e in material.entrants].count("ground-truth") == 1
    groups = overview.table_groups(material)
    assert [{x.entrant.name for x in g.systems} for g in groups] == [{"a", "b"}, {"c", "d"}]
    assert all([x.entrant.name for x in g.controls] == ["ground-truth"] for g in groups)
    for group in groups:
        marks = [line.cells[c].mark for c in group.columns for line in group.systems]
        assert marks.count("best") == len(group.columns)

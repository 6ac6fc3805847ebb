"""Published rows on the scale of a measured ground truth: numbers, refusals and provenance, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from guards import some
from paths import ROOT
from thbench.cli.main import main
from thbench.leaderboard.build import board
from thbench.leaderboard.page import page
from thbench.published.page import run_page
from thbench.published.rows import load_published
from thbench.published.scaled import on_scale_of, scaled
from thbench.results.document import Result, read_result, result_text

FILE = ROOT / "leaderboard" / "published" / "crema_d.yaml"
DRAWN = ROOT / "leaderboard" / "results" / "demo" / "ground-truth@64" / "1.json"


@pytest.fixture
def truth() -> Result:
    """A measured ground truth that says it is of CREMA-D; its numbers are those of drawn faces."""
    result = read_result(DRAWN)
    plugin = result.dataset.plugin.model_copy(update={"name": "crema_d"})
    dataset = result.dataset.model_copy(update={"plugin": plugin, "synthetic": False})
    return result.model_copy(update={"dataset": dataset})


def cell(data: dict[str, Any], system: str, metric: str, **settings: str) -> dict[str, Any]:
    (row,) = [
        r
        for r in data["rows"]
        if (r["system"], r["source"], r["settings"]) == (system, "han", settings)
    ]
    found: dict[str, Any] = row["cells"][metric]
    return found


def test_a_number_carries_its_three_inputs(truth: Result) -> None:
    data = on_scale_of(truth, load_published(FILE))
    here = truth.scores["ofm"].value
    assert here is not None
    found = cell(data, "ddpm", "ofm", steps="50")
    assert found["value"] == pytest.approx(0.342 * here / 0.534)
    assert found["low"] == pytest.approx(0.3415 * here / 0.5345)
    assert found["high"] == pytest.approx(0.3425 * here / 0.5335)
    assert found["distance"] == pytest.approx(0.192)
    inputs = found["inputs"]
    assert [inputs[k]["source"] for k in ("x", "there", "here")] == ["han", "han", "suite demo"]
    assert {i["unit"] for i in inputs.values()} == {"pixels per frame"}
    assert inputs["here"]["identity"] == truth.scores["ofm"].identity_digest[:12]
    assert found["flags"] == ["how han measured it is not known"]


def test_mixed_resolutions_are_flagged(truth: Result) -> None:
    data = on_scale_of(truth, load_published(FILE))
    assert "mixed resolutions: from 128 px to 64 px" in cell(data, "gan", "ofm")["flags"]


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("fid", "whose own is 0"),
        ("av_offset", "signed"),
        ("av_confidence", "no ground truth to multiply by"),
    ],
)
def test_where_the_rule_means_nothing_the_cell_says_why(
    truth: Result, metric: str, why: str
) -> None:
    """The suite's own confidence is of another identity, `av_confidence@puppet-v1`, and is no column of that name."""
    data = on_scale_of(truth, load_published(FILE))
    found = cell(data, "ddpm", metric, steps="50")
    assert why in found["refused"]
    assert "value" not in found
    assert any(why in line for line in scaled(data) if line.startswith("| ddpm, steps 50"))


def test_what_its_source_has_scaled_is_not_scaled_again(truth: Result) -> None:
    data = on_scale_of(truth, load_published(FILE))
    cells = next(r["cells"] for r in data["rows"] if r["system"] == "diffused-heads")
    assert {c["refused"] for c in cells.values()} == {"han has scaled it already"}


def test_unlike_units_are_refused(truth: Result) -> None:
    ofm = truth.scores["ofm"].model_copy(update={"unit": "mean of an 8-bit colour picture"})
    other = truth.model_copy(update={"scores": {**truth.scores, "ofm": ofm}})
    found = cell(on_scale_of(other, load_published(FILE)), "ddpm", "ofm", steps="50")
    assert "unlike unit" in found["refused"]


def test_every_row_of_the_tables_has_all_its_cells(truth: Result) -> None:
    lines = scaled(on_scale_of(truth, load_published(FILE)))
    shown = MarkdownIt("commonmark").enable("table").render("\n".join(lines))
    for table in some(shown.split("<table>")[1:]):
        width = table.count("<th>")
        body = table.partition("</table>")[0]
        assert body.count("<td>") == width * (body.count("<tr>") - 1)


def placed(root: Path, result: Result) -> None:
    """The ground truth as a pinned row of a leaderboard, beside the published rows."""
    folder = root / "results" / "demo" / "ground-truth@64"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text(result_text(result))
    (folder / "1.clips.csv").write_bytes(DRAWN.with_name("1.clips.csv").read_bytes())
    (root / "published").mkdir()
    (root / "published" / "crema_d.yaml").write_bytes(FILE.read_bytes())


def test_a_leaderboard_shows_them_once_a_ground_truth_is_pinned(
    truth: Result, tmp_path: Path
) -> None:
    placed(tmp_path, truth)
    data = board(tmp_path)
    assert data["published"]["crema_d"]["on_scale_of"][0]["resolution"] == 64
    text = page(data)
    assert "**On the scale of demo, 64 × 64 px**" in text
    assert text.index("## Published") < text.index("On the scale of demo")


def test_drawn_faces_are_no_scale_for_real_ones(tmp_path: Path, truth: Result) -> None:
    dataset = truth.dataset.model_copy(update={"synthetic": True})
    placed(tmp_path, truth.model_copy(update={"dataset": dataset}))
    assert board(tmp_path)["published"]["crema_d"]["on_scale_of"] == []


def normalise(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["thbench", "leaderboard", "normalise", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command(
    truth: Result,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "result.json"
    file.write_text(result_text(truth))
    assert normalise(monkeypatch, str(file)) == 0
    assert "| ddpm, steps 50 | 64 |" in capsys.readouterr().out
    assert normalise(monkeypatch, str(file), "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)
    assert data == json.loads(json.dumps(on_scale_of(truth, load_published(FILE))))


def test_what_is_not_published_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert normalise(monkeypatch, str(DRAWN)) == 2
    assert "nothing is published about puppet" in capsys.readouterr().err
    gan = ROOT / "leaderboard" / "results" / "demo" / "gan" / "1.json"
    assert normalise(monkeypatch, str(gan)) == 2
    assert "has no ground truth" in capsys.readouterr().err


def test_a_run_has_them_below_its_own_tables(truth: Result) -> None:
    page_of_run = run_page([truth])
    assert page_of_run.count("**On the scale of demo, 64 × 64 px**") == 1
    assert page_of_run.index("## Published about crema_d") < page_of_run.index("On the scale of")

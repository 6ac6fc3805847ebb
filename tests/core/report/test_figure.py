"""The figure for papers: a film strip with curves below it; and what is never marked as best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from made import clip_ids, made_run
from thbench.charts.axes import Plot, axis_labels
from thbench.errors import UserError
from thbench.report.figure import write_figure
from thbench.report.filmstrip import write_sheets
from thbench.report.overview import table_groups
from thbench.report.run_data import read_run
from thbench.run.folder import RunFolder


def test_a_figure_has_the_strip_and_a_named_line_per_row(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["alpha", "beta"], n_clips=2, videos=1)
    out = write_figure(RunFolder(run), clip_ids(2)[0], [], 6, [], tmp_path / "figure.svg")
    root = ElementTree.fromstring(out.read_text(encoding="utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}image")) == 1
    words = [t.text for t in root.iter(f"{space}text")]
    assert {"ground-truth", "s0", "s1", "seconds"} <= set(words)
    assert "motion, grey levels" in words  # made runs keep no arrays of the mouth


def test_an_unknown_clip_is_refused(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=1)
    with pytest.raises(UserError, match="has no clip 'x'"):
        write_figure(RunFolder(run), "x", [], 6, [], tmp_path / "figure.svg")


def test_a_name_that_promises_another_form_is_refused(tmp_path: Path) -> None:
    """No file holds a PNG under the name of a JPEG."""
    run = RunFolder(made_run(tmp_path / "run", n_clips=2, videos=1))
    with pytest.raises(UserError, match="writes SVG"):
        write_figure(run, clip_ids(2)[0], [], 6, [], tmp_path / "figure.pdf")
    with pytest.raises(UserError, match="written as PNG"):
        write_sheets(run, [], tmp_path / "sheet.jpg")
    assert not list(tmp_path.glob("*.*"))
    (sheet,) = write_sheets(run, [], tmp_path / "sheet.PNG")
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_a_self_reported_number_is_never_the_best(tmp_path: Path) -> None:
    data = read_run(made_run(tmp_path / "run", systems=["alpha", "beta"], n_clips=4))
    (group,) = table_groups(data)
    best = next(line for line in group.systems if line.cells["metric0"].mark == "best")
    own = [
        replace(e, beside={**e.beside, "self_reported": ["metric0"]})
        if e.name == best.entrant.name
        else e
        for e in data.entrants
    ]
    (again,) = table_groups(replace(data, entrants=own))
    marks = {line.entrant.name: line.cells["metric0"].mark for line in again.systems}
    assert marks[best.entrant.name] == ""


def test_labels_of_axes_stay_inside_the_picture() -> None:
    plot = Plot(200, 10, 180, 100, (0, 1))
    (label,) = axis_labels(plot, "squared grey levels, nearer to the dashed line is better", "", 11)
    element = ElementTree.fromstring(label)
    size, x = float(element.attrib["font-size"]), float(element.attrib["x"])
    half = len(element.text or "") * size * 0.56 / 2
    assert x - half >= 0
    assert x + half <= 392
    assert size >= 8

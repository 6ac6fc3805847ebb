"""Quality over cost: seconds per frame come from the timings, each score gets its plot."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from made import SIZE, made_run
from thbench.engines.local import LocalEngine
from thbench.report.cost import Point, cost_chart, costs
from thbench.report.page import Options, write_report
from thbench.report.run_data import read_run

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [Point(f"ddpm-{s}", "ddpm", 0.01 * s, 100 / s) for s in (2, 5, 10, 20, 50)]


def words(chart: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(chart).iter(f"{SVG}text")]


def tips(chart: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(chart).iter(f"{SVG}title")]


def timed(run: Path, seconds: dict[str, float], n_frames: int = 20) -> None:
    """The run's only clip took so long to make."""
    lines = [
        {"stage": f"generate {s}", "clips": ["1000_S00"], "seconds": t, "peak_memory": 1}
        for s, t in seconds.items()
    ]
    (run / "timings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_point_is_the_score_at_the_seconds_of_a_frame(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=1, videos=1, n_frames=20)
    timed(run, {"alpha": 2.0, "beta": 8.0})
    material = read_run(run)
    (found,) = costs(material)
    assert found.resolution == SIZE
    assert list(found.plots) == ["metric0", "metric1"]
    for column, plot in found.plots.items():
        values = {e.name: e.scores[column].value for e in material.entrants}
        said = [t for t in tips(plot) if "per frame" in t]
        assert said == [
            f"alpha: {values['alpha']:.6g}, 0.1 s per frame",
            f"beta: {values['beta']:.6g}, 0.4 s per frame",
        ]


def test_a_system_without_timings_is_left_out_and_one_alone_is_no_plot(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b", "c"], n_clips=1, videos=1, n_frames=20)
    timed(run, {"a": 2.0, "b": 8.0})
    (found,) = costs(read_run(run))
    assert "c" not in words(found.plots["metric0"])
    timed(run, {"a": 2.0})
    assert costs(read_run(run)) == []


def test_a_ground_truth_far_beyond_the_systems_does_not_flatten_them(tmp_path: Path) -> None:
    """As PSNR's 100 dB; where being near it is the aim it stays."""
    run = made_run(tmp_path / "run", n_clips=1, videos=1, n_frames=20)
    timed(run, {"alpha": 2.0, "beta": 8.0})
    file = run / "controls" / str(SIZE) / "ground-truth" / "result.json"
    written = json.loads(file.read_text())
    for value, better, drawn in (
        (500.0, "lower", False), (500.0, "nearer-reference", True), (5.0, "lower", True),
    ):  # fmt: skip
        written["scores"]["metric0"].update(value=value, better=better)
        file.write_text(json.dumps(written))
        (found,) = costs(read_run(run))
        assert ("stroke-dasharray" in found.plots["metric0"]) == drawn


def test_resolutions_are_never_mixed(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=list("abcd"), n_clips=1, videos=1, sizes=(64, SIZE))
    timed(run, dict.fromkeys("abcd", 2.0))
    assert [c.resolution for c in costs(read_run(run))] == [64, SIZE]
    first, second = (set(words(c.plots["metric0"])) & set("abcd") for c in costs(read_run(run)))
    assert (first, second) == ({"a", "c"}, {"b", "d"})


def test_cost_grows_to_the_right_by_equal_ratios() -> None:
    chart = cost_chart(STEPS, "fid ↓", "", None)
    marks = [float(x) for x in re.findall(r"<circle cx='([\d.]+)'", chart)]
    assert len(marks) == len(STEPS)
    per_decade = (marks[-1] - marks[0]) / math.log10(25)
    for point, x in zip(STEPS, marks, strict=True):
        assert x == pytest.approx(marks[0] + per_decade * math.log10(point.seconds / 0.02), abs=0.2)


def test_systems_of_one_generator_share_a_line_and_others_do_not() -> None:
    chart = cost_chart([*STEPS, Point("gan", "gan", 0.001, 30.0)], "fid", "", None)
    joined = re.findall(r"<line [^>]*stroke='(#0072B2|#D55E00)'", chart)
    assert len(joined) == len(STEPS) - 1
    assert len(set(joined)) == 1


def test_every_system_is_named_and_no_name_covers_another() -> None:
    points = [Point(f"system-{i}", "one", 0.1 + 0.001 * i, 5.0 + 0.1 * i) for i in range(5)]
    drawn = ElementTree.fromstring(cost_chart(points, "", "", None))
    places = [
        (float(t.attrib["x"]), float(t.attrib["y"]))
        for t in drawn.iter(f"{SVG}text")
        if (t.text or "").startswith("system-")
    ]
    assert len(places) == 5
    for i, (x, y) in enumerate(places):
        for other_x, other_y in places[:i]:
            assert abs(y - other_y) >= 10 or abs(x - other_x) >= 45


@pytest.mark.parametrize("ends", [(0.01, 0.01), (1e-4, 50.0), (0.9, 1.1)])
def test_there_are_numbers_on_the_axis(ends: tuple[float, float]) -> None:
    points = [Point("a", "g", ends[0], 1.0), Point("b", "h", ends[1], 2.0)]
    chart = cost_chart(points, "", "unit", 1.5)
    low, high = min(ends), max(ends)
    numbers = [float(w) for w in words(chart) if re.fullmatch(r"[\d.e-]+", w)]
    assert [n for n in numbers if low / 3 <= n <= high * 3]
    assert {"seconds per frame", "unit"} <= set(words(chart))


def test_the_report_shows_it_beside_the_speed(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=1, videos=1, n_frames=20)
    timed(run, {"alpha": 2.0, "beta": 8.0})
    page = write_report(run, tmp_path / "out", LocalEngine(1), Options(strips=0)).read_text()
    speed = page[page.index('id="view-speed"') :].split("</section>")[0]
    assert "Quality over cost" in speed
    assert speed.count("<svg") == 2
    timed(run, {})
    page = write_report(run, tmp_path / "out", LocalEngine(1), Options(strips=0)).read_text()
    assert "Quality over cost" not in page

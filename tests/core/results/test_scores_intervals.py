"""Intervals of results: by the declared rule, the same for whoever recomputes them, withheld where unsure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runs import SUITE, start
from thbench.api import Aggregation, Score
from thbench.results.scores import (
    clip_values,
    is_same,
    of_rows,
    of_set,
    over_of,
    row_interval,
    statistic,
)
from thbench.statistics.intervals import jackknife_interval, mean_interval, percentile_interval

RNG = np.random.default_rng(5)
ACTORS = [str(a) for a in range(8) for _ in range(4)]
VALUES = (RNG.normal(size=8).repeat(4) + RNG.normal(size=32)).tolist()
ROWS = [{"x": v, "y": 1.0} for v in VALUES]
EIGHT = SUITE.replace("{name: toy}", "{name: toy, n_actors: 8}")


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        (Aggregation("x"), lambda v: np.mean(v)),
        (Aggregation("x", "median"), lambda v: np.median(v)),
        (Aggregation("x", absolute=True), lambda v: np.mean(np.abs(v))),
        (Aggregation("x", absolute=True, at_most=1.0), lambda v: np.mean(np.abs(v) <= 1)),
        (Aggregation("x", at_most=0.0), lambda v: np.mean(np.asarray(v) <= 0)),
    ],
)
def test_the_rule_gives_the_value_and_its_interval(over: Aggregation, expected: Any) -> None:
    value = float(expected(VALUES))
    found, record = of_rows("x", Score("lower", over=over), value, ROWS, ACTORS)
    assert found == over
    assert record.low is not None
    assert record.high is not None
    assert record.low <= value <= record.high
    assert record.n_actors == 8


def test_a_mean_gets_the_bootstrap_t_and_a_median_percentiles() -> None:
    data = np.asarray(VALUES)
    assert row_interval(Aggregation("x"), data, ACTORS, (-9, 9)) == mean_interval(
        data, ACTORS, bounds=(-9, 9)
    )
    median = row_interval(Aggregation("x", "median"), data, ACTORS, (-9, 9))
    expected = percentile_interval(data, ACTORS, lambda v: float(np.median(v)), bounds=(-9, 9))
    assert median == expected


def test_the_row_of_the_scores_name_is_the_default_and_must_be_everywhere() -> None:
    score = Score("lower")
    assert over_of("x", score, ROWS) == Aggregation("x")
    assert over_of("z", score, ROWS) is None
    assert over_of("x", score, [*ROWS, {"y": 1.0}]) is None
    assert over_of("x", score, []) is None
    assert over_of("x", Score("lower", set_level=True), ROWS) is None


def test_a_score_that_is_not_what_it_declares_has_no_interval() -> None:
    over, record = of_rows("x", Score("lower"), float(np.mean(VALUES)) + 1e-3, ROWS, ACTORS)
    assert over is None
    assert (record.low, record.method) == (None, "none")
    assert "not what the metric says" in record.note


def test_limits_stay_within_the_range_of_the_score() -> None:
    rows = [{"x": float(v > 0.9)} for v in RNG.random(32)]
    rows[0]["x"] = 1.0
    value = float(np.mean([r["x"] for r in rows]))
    _, record = of_rows("x", Score("lower", range=(0.0, 1.0)), value, rows, ACTORS)
    assert record.low is not None
    assert record.low >= 0


def test_a_set_gets_the_jackknife_of_its_values_without_each_actor() -> None:
    without = {"b": {"fid": 2.0}, "a": {"fid": 1.0}, "c": {"fid": 4.0}, "d": {"fid": 1.5}}
    score = Score("lower", range=(0, 100), set_level=True)
    record = of_set("fid", score, 2.1, without, 12)
    expected = jackknife_interval(2.1, [1.0, 2.0, 4.0, 1.5], n_clips=12, bounds=(0, 100))
    assert (record.low, record.high) == (expected.low, expected.high)
    assert record.without == {"a": 1.0, "b": 2.0, "c": 4.0, "d": 1.5}
    assert (
        "no value without actor c"
        in of_set("fid", score, 2.1, {**without, "c": {"fid": None}}, 12).note
    )
    assert of_set("fid", score, 2.1, {}, 12).low is None


@pytest.mark.parametrize(
    ("a", "b", "same"), [(1.0, 1.0 + 1e-12, True), (1.0, 1.001, False), (0.0, 1e-13, True)]
)
def test_rounding_is_told_from_tampering(a: float, b: float, same: bool) -> None:
    assert is_same(a, b) is same


def test_values_and_statistic_do_not_depend_on_the_spelling_of_the_input() -> None:
    assert statistic(Aggregation("x"), clip_values(Aggregation("x"), VALUES)) == float(
        np.mean(VALUES)
    )


def read(folder: Path, name: str = "echo") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"run/systems/{name}/result.json").read_text())
    return found


@pytest.mark.slow
def test_a_run_records_intervals_and_the_rule(tmp_path: Path) -> None:
    start(tmp_path, EIGHT).both()
    scores = read(tmp_path)["scores"]
    brightness, spread = scores["brightness"], scores["spread"]
    assert brightness["over"] == {
        "column": "brightness",
        "statistic": "mean",
        "absolute": False,
        "at_most": None,
    }
    assert brightness["interval"]["method"] == "bootstrap-t"
    assert spread["over"] is None
    assert spread["interval"]["method"] == "jackknife"
    assert len(spread["interval"]["without"]) == 8
    text = (tmp_path / "run/leaderboard.md").read_text()
    assert f"{brightness['value']:.4g} [" in text


@pytest.mark.slow
def test_the_jackknife_is_cached_like_any_reduction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import thbench.score.reduce

    run = start(tmp_path, EIGHT)
    run.both()
    before = (tmp_path / "run/systems/echo/result.json").read_bytes()

    def never(*_: object) -> object:
        raise AssertionError("reduced again")

    monkeypatch.setattr(thbench.score.reduce, "reduce_once", never)
    start(tmp_path, EIGHT).score()
    assert (tmp_path / "run/systems/echo/result.json").read_bytes() == before


@pytest.mark.slow
def test_too_many_visits_are_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.score.reduce.MOST_VISITS", 10)
    start(tmp_path, EIGHT).both()
    interval = read(tmp_path)["scores"]["spread"]["interval"]
    assert interval["low"] is None
    assert "too many" in interval["note"]


@pytest.mark.slow
def test_a_dataset_of_drawn_people_is_recorded_as_synthetic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import thbench_toys

    start(tmp_path / "a").both()
    assert read(tmp_path / "a")["dataset"]["synthetic"] is False
    monkeypatch.setattr(thbench_toys.ToyDataset, "synthetic", True, raising=False)
    start(tmp_path / "b").both()
    assert read(tmp_path / "b")["dataset"]["synthetic"] is True

"""What the built-in scores declare is frozen, and arrays and rules keep to what is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

import score_table
from syncnet_fakes import FakeContext, FakeObservations, FakeVideo, pair_of, talking
from thbench.api import Aggregation, Clip, Metric, Observed
from thbench.testing.subject import subject_of
from thbench_syncnet.distance import window_count
from thbench_syncnet.lag import LipAudioLag
from thbench_syncnet.metric import SyncNetMetric
from thbench_syncnet.options import LagOptions, Options

REMEDY = "meant? run: python tests/tools/score_table.py, and raise the plugin's version"


def test_declarations_are_the_frozen_ones() -> None:
    frozen = yaml.safe_load(score_table.FILE.read_text(encoding="utf-8"))
    now = score_table.table()
    assert now, "no metric is installed"
    for name in sorted(frozen.keys() | now.keys()):
        assert now.get(name) == frozen.get(name), f"{name}: {REMEDY}"


def test_the_frozen_table_tells_a_swapped_direction_and_a_range_without_width() -> None:
    frozen = yaml.safe_load(score_table.FILE.read_text(encoding="utf-8"))
    rows = [
        row for scores in frozen.values() if isinstance(scores, dict) for row in scores.values()
    ]
    assert {row["better"] for row in rows} == {"lower", "higher", "nearer-reference"}
    assert all(row["range"][0] < row["range"][1] for row in rows)


def rule(over: Aggregation, row: NDArray[np.float64]) -> float:
    """api.Over as its docstring says it."""
    values = np.abs(row) if over.absolute else row
    if over.at_most is not None:
        values = (values <= over.at_most).astype(np.float64)
    return float({"mean": np.mean, "median": np.median}[over.statistic](values))


@pytest.mark.parametrize("name", score_table.metrics())
def test_scores_with_a_rule_are_reduced_by_it(name: str) -> None:
    """Rows of both signs, an even number of them, some beyond every threshold."""
    metric: Metric = subject_of("metric", name, {}).build()
    rules = {score: m.over for score, m in metric.scores.items() if m.over is not None}
    if not rules:
        assert all(m.over is None for m in metric.scores.values())
        return
    rng = np.random.default_rng(4)
    rows = {over.row: np.round(rng.normal(0.3, 2, 8), 1) for over in rules.values()}
    others = {score: rng.uniform(1, 2, 8) for score in metric.scores if score not in rules}
    clips = [
        Observed(Clip(f"c{i}", "a"), {k: float(v[i]) for k, v in (rows | others).items()}, {})
        for i in range(8)
    ]
    found = metric.reduce(FakeObservations(clips))
    for score, over in rules.items():
        assert found[score] == pytest.approx(rule(over, rows[over.row]), rel=1e-12), score


class Features:
    def __call__(self, video: FakeVideo) -> NDArray[np.float64]:
        windows = window_count(video.n_frames, len(video.audio))
        return np.random.default_rng(5).normal(0, 1, (2, windows, 12))


def curve(video: FakeVideo) -> NDArray[np.float64]:
    return np.random.default_rng(6).uniform(1, 2, video.n_frames)


def built(build: Callable[..., Any], options: Any) -> Any:
    names = ("syncnet_features", "mouth_aperture", "speech_envelope")
    found = (Features(), curve, curve)
    lend = dict(zip(names, found, strict=True))
    return build(options, FakeContext({n: lambda n=n, **_: lend[n] for n in names}))


@pytest.mark.parametrize(
    ("build", "options", "array", "axis"),
    [
        (SyncNetMetric, Options(), "mean_distances", range(15, -16, -1)),
        (SyncNetMetric, Options(vshift=6), "mean_distances", range(6, -7, -1)),
        (LipAudioLag, LagOptions(), "correlations", range(-15, 16)),
        (LipAudioLag, LagOptions(max_lag=4), "correlations", range(-4, 5)),
    ],
)
def test_every_array_is_as_long_as_its_axis(
    build: Callable[..., Any], options: Any, array: str, axis: range
) -> None:
    seen = built(build, options).observe(pair_of(talking(60)))
    axes = {name: values for name, values in seen.arrays.items() if "." in name}
    assert len(axes) == 1
    for name, values in axes.items():
        assert values.shape == seen.arrays[name.partition(".")[0]].shape
    (values,) = axes.values()
    assert list(axes) == [f"{array}.{'offset' if array == 'mean_distances' else 'lag'}"]
    assert values.tolist() == list(axis)


@pytest.mark.parametrize(("name", "option"), [("syncnet", "vshift"), ("lip_audio_lag", "max_lag")])
def test_the_range_follows_the_search(name: str, option: str) -> None:
    scores = subject_of("metric", name, {option: 5}).build().scores
    first = next(iter(scores.values()))
    assert first.range == (-5.0, 5.0)

"""Set metrics computed again: what is alike, what differs, and what cannot be computed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from made import result
from runs import SUITE, start
from thbench.api import Clip, Observed, Score, UserError
from thbench.environment import Settings
from thbench.files.canonical import digest
from thbench.leaderboard import recompute_sets
from thbench.leaderboard.recompute_sets import (
    TOLERANCE,
    NotComputed,
    _alike,
    _differences,
    _metric,
    _parts,
    _rows,
    _seen,
    _without,
    reduced,
    set_columns,
    sets_again,
)
from thbench.leaderboard.store import CommittedRow
from thbench.results.clips import ClipsTable
from thbench.results.document import IntervalRecord, Reason, Result, ScoreRecord
from thbench.results.row import Row
from thbench.score.columns import column_identity
from thbench.score.reduce import ObservedSets
from thbench.suite.model import MetricPart

ACTORS = {f"c{i}": f"a{i // 2}" for i in range(6)}


class Mean:
    """The mean of x on one side minus that on the other."""

    scores: ClassVar[dict[str, Score]] = {"gap": Score("lower", set_level=True)}

    def reduce(self, observed: ObservedSets) -> Mapping[str, float]:
        sides = (observed.generated, observed.reference)
        ours, theirs = (np.mean([o.arrays["x"] for o in side]) for side in sides)
        return {"gap": float(ours - theirs)}


def sets() -> ObservedSets:
    """Clip i has i + 100 against 0: the gap is 102.5; without actor k it is 102.5 + (2 - 2 k) / 2 ..."""
    ours = [
        Observed(Clip(c, a), {}, {"x": np.array(100.0 + i)})
        for i, (c, a) in enumerate(ACTORS.items())
    ]
    theirs = [Observed(Clip(c, a), {}, {"x": np.array(0.0)}) for c, a in ACTORS.items()]
    return ObservedSets(ours, theirs)


WITHOUT = {"a0": 103.5, "a1": 102.5, "a2": 101.5}


def score(**change: Any) -> ScoreRecord:
    without = change.pop("without", WITHOUT)
    interval = IntervalRecord(
        low=1.0, high=2.0, level=0.95, method="jackknife", n_actors=3, without=without
    )
    made = {
        "metric": "m", "score": "gap", "value": 102.5, "better": "lower", "set_level": True, "n": 6,
        "of": 6, "interval": interval, "identity": {}, "identity_digest": "1", "failures": (),
    }  # fmt: skip
    return ScoreRecord.model_construct(**{**made, **change})


def differences(**change: Any) -> list[str]:
    return list(_differences(Mean(), {"gap@b": score(**change)}, sets()))


def test_what_follows_says_nothing() -> None:
    assert differences() == []
    assert reduced(Mean(), sets())["gap"].value == pytest.approx(102.5)
    assert _without(Mean(), sets()) == {a: {"gap": pytest.approx(v)} for a, v in WITHOUT.items()}


def test_a_thousandth_is_another_machines_rounding() -> None:
    assert differences(value=102.5 * (1 + 0.9 * TOLERANCE)) == []
    (found,) = differences(value=102.5 * (1 + 1.2 * TOLERANCE))
    assert found.startswith("gap@b: its features give 102.5, claimed 102.6")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 5}, ["gap@b: covers 5 clips, its feature archive 6"]),
        ({"value": 7.0}, ["gap@b: its features give 102.5, claimed 7.0"]),
        ({"value": None}, ["gap@b: its features give 102.5, claimed None"]),
        ({"n": 7, "value": 7.0}, ["covers 7 clips", "its features give"]),
        (
            {"without": {**WITHOUT, "a2": 1.0, "a1": 1.0}},
            ["gap@b without actor a1: its features give 102.5, claimed 1.0"],
        ),
        ({"without": {"a0": 103.5, "a1": 102.5}}, ["without actor a2: its features give 101.5, claimed None"]),
        ({"without": {**WITHOUT, "a9": 1.0}}, ["without actor a9: its features give None, claimed 1.0"]),
        ({"interval": None}, ["without actor a0: its features give 103.5, claimed None"]),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_named(change: dict[str, Any], words: list[str]) -> None:
    found = differences(**change)
    assert len(found) == len(words), found
    assert all(w in f for w, f in zip(words, found, strict=True)), found


def test_a_value_that_cannot_be_had_again_says_why() -> None:
    empty = ObservedSets([], [])
    (found,) = _differences(Mean(), {"gap": score(n=0)}, empty)
    assert found == "gap: its features give None (no clip was scored), claimed 102.5"
    assert list(_differences(Mean(), {"gap": score(n=0, value=None)}, empty)) == []
    assert _without(Mean(), ObservedSets(sets().generated[:2], sets().reference[:2])) == {}


# -- arrays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "alike"),
    [
        ({"x": np.array([10.0, 1.0])}, True),
        ({"x": np.array([10.0, 1.009])}, True),  # a thousandth of the largest, 10
        ({"x": np.array([10.0, 1.011])}, False),
        ({"x": np.array([[10.0, 1.0]])}, False),
        ({"y": np.array([10.0, 1.0])}, False),
        ({"x": np.array([10.0, 1.0]), "y": np.array(0.0)}, False),
        ({}, False),
    ],
)
def test_arrays_are_alike_but_for_another_machine(theirs: dict[str, Any], alike: bool) -> None:
    assert _alike({"x": np.array([10.0, 1.0])}, theirs) is alike


def test_empty_arrays_are_alike() -> None:
    assert _alike({"x": np.zeros(0)}, {"x": np.zeros(0)})
    assert _alike({}, {})


# -- a row and its suite --------------------------------------------------------------------------


@pytest.fixture
def part(tmp_path: Path) -> MetricPart:
    text = SUITE.replace("[toy-brightness]", "[{metric: toy-brightness, as: b}]")
    return start(
        tmp_path, text.replace("primary: brightness", "primary: brightness@b")
    ).suite.metrics[0]


def of_toys(column: str, **change: Any) -> dict[str, ScoreRecord]:
    return {column: score(metric="toy-brightness", score=column.partition("@")[0], **change)}


def row(
    scores: dict[str, ScoreRecord], cells: dict[str, dict[str, str]] | None = None
) -> CommittedRow:
    made = result("s", "system", 32, {"m": [1.0]}, 6).model_copy(update={"scores": scores})
    table = ClipsTable("t", ACTORS, {}, cells or {})
    return CommittedRow(Path("s/1.json"), "1", Row(made, table))


def test_columns_of_sets_of_this_metric(part: MetricPart) -> None:
    scores = {
        **of_toys("spread@b"), **of_toys("brightness@b", set_level=False), **of_toys("spread"),
        "gap": score(),
    }  # fmt: skip
    assert list(set_columns(part, row(scores))) == ["spread@b"]


def test_a_column_of_no_metric_of_the_suite_cannot_be_computed(part: MetricPart) -> None:
    ground: Any = SimpleNamespace(suite=SimpleNamespace(metrics=[part]))
    ((found, columns),) = _parts(row(of_toys("spread@b")), ground)
    assert found is part and list(columns) == ["spread@b"]
    assert _parts(row(of_toys("brightness@b", set_level=False)), ground) == []
    with pytest.raises(NotComputed, match="spread is of no metric of the suite"):
        _parts(row(of_toys("spread")), ground)


def test_only_the_metric_of_the_columns_identity_is_asked(part: MetricPart) -> None:
    same = digest(column_identity(part, 32))
    columns = of_toys("spread@b", identity_digest=same)
    assert "spread" in _metric(part, columns, row(columns), Settings()).scores
    other = of_toys("spread@b", identity_digest=digest(column_identity(part, 64)))
    with pytest.raises(NotComputed, match="spread@b has another identity here"):
        _metric(part, other, row(other), Settings())


def test_rows_of_the_metric_come_from_the_table(part: MetricPart) -> None:
    cells = {
        "brightness@b": {"c0": "1.5"}, "toy-brightness.n_frames@b": {"c1": "7"},
        "toy-brightness.failure@b": {"c2": "dark"}, "brightness": {"c0": "9"}, "other@b": {"c0": "8"},
        "toy-brightness.n_frames": {"c0": "9"},
    }  # fmt: skip
    metric: Any = SimpleNamespace(scores={"brightness": None, "spread": None})
    assert _rows(row({}, cells), part, metric) == {
        "brightness": {"c0": 1.5},
        "n_frames": {"c1": 7.0},
    }


def test_what_a_metric_saw_in_the_order_of_the_split(part: MetricPart) -> None:
    failed = (Reason(reason="dark", count=1, clips=("c5",)),)
    made = row(of_toys("spread@b", failures=failed), {"brightness@b": {"c0": "1.5"}})
    arrays = {c: {"x": np.array(float(i))} for i, c in enumerate(ACTORS) if c != "c5"}
    asked = []

    def clips(name: str) -> dict[str, Any]:
        asked.append(name)
        return arrays

    side: Any = SimpleNamespace(row=made, archive=SimpleNamespace(clips=clips))
    order = [Clip(c, a) for c, a in reversed(ACTORS.items())]
    ground: Any = SimpleNamespace(split=SimpleNamespace(clips=order))
    metric: Any = SimpleNamespace(scores={"brightness": None})
    seen = _seen(side, part, metric, ground)
    assert asked == ["toy-brightness@b"]
    assert [o.clip.id for o in seen] == ["c4", "c3", "c2", "c1", "c0"]
    assert seen[-1].rows == {"brightness": 1.5} and seen[0].rows == {}
    assert float(seen[0].arrays["x"]) == 4.0
    arrays["c5"] = {"x": np.array(0.0)}
    with pytest.raises(UserError, match="clip c5 was not scored"):
        _seen(side, part, metric, ground)
    del arrays["c5"], arrays["c3"]
    with pytest.raises(UserError, match="clip c3 is missing"):
        _seen(side, part, metric, ground)


def test_without_an_archive_nothing_can_be_computed() -> None:
    ground: Any = SimpleNamespace(pins={})
    with pytest.raises(NotComputed, match="s has no feature archive"):
        sets_again(row({}), ground, False, Settings())


def test_every_metric_is_computed_from_both_archives_and_compared_for_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, threads, near = [], [], []

    @contextmanager
    def archive(made: CommittedRow, fetch: bool) -> Iterator[str]:
        opened.append((made, fetch))
        yield made.result.system.name

    def limits(n: int) -> Any:
        threads.append(n)
        return nullcontext()

    def copies(generated: Any, reference: Any, limit: float) -> list[str]:
        near.append(limit)
        return [f"copied {generated} {reference}"]

    monkeypatch.setattr(recompute_sets, "_opened", archive)
    monkeypatch.setattr(recompute_sets.threadpoolctl, "threadpool_limits", limits)
    monkeypatch.setattr(recompute_sets, "_parts", lambda row, ground: [("one", {}), ("two", {})])
    monkeypatch.setattr(recompute_sets, "_metric", lambda part, columns, row, settings: part)
    monkeypatch.setattr(recompute_sets, "_seen", lambda side, part, metric, ground: [part, side])
    monkeypatch.setattr(
        recompute_sets, "_differences", lambda metric, columns, sets: [f"{metric} differs"]
    )
    monkeypatch.setattr(recompute_sets, "copied_features", copies)
    mine, truth = row({}), row({})
    ground: Any = SimpleNamespace(pins={"ground-truth": truth}, elsewhere=lambda row: [])
    assert sets_again(mine, ground, True, Settings()) == [
        "one differs", "copied ['one', 's'] ['one', 's']", "two differs", "copied ['two', 's'] ['two', 's']",
    ]  # fmt: skip
    assert opened == [(mine, True), (truth, True)] and threads == [1]
    assert near == [recompute_sets.NEAR_OF["image"]] * 2
    control = CommittedRow(mine.path, "1", Row(with_kind(mine.result, "control"), mine.clips))
    assert sets_again(control, ground, False, Settings()) == ["one differs", "two differs"]
    ground.elsewhere = lambda row: ["ground-truth"]
    with pytest.raises(NotComputed, match="the pinned ground truth has other references"):
        sets_again(mine, ground, False, Settings())
    ground.pins = {}
    with pytest.raises(NotComputed, match="no ground truth is pinned"):
        sets_again(mine, ground, False, Settings())


def with_kind(made: Result, kind: str) -> Result:
    return made.model_copy(update={"system": made.system.model_copy(update={"kind": kind})})

"""Cached observations become the cells of a row: gathered in order, counted, with the reason for what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from runs import SUITE, Run, start
from thbench.api import Clip, ClipFailure, Observed, Score
from thbench.errors import UserError
from thbench.files.cache import Cache, Entry
from thbench.run.folder import Record, VideoFolder
from thbench.score.keys import KeyBook, over_span
from thbench.score.packing import Packing
from thbench.score.reduce import (
    CachedObservation,
    KeptSets,
    ObservedSets,
    Reducing,
    RowKey,
    Scored,
    cells_of,
    left_out,
    reduce_once,
    unforeseen,
    values_of,
)
from thbench.score.rows import Row

FOLDER = VideoFolder(Path("/nowhere"), Path("/nowhere/systems/s"))
SYSTEM = RowKey("s", "system", 32, FOLDER)
HALVES = RowKey("reference-halves", "control", 32, FOLDER)


def observed(clip: str, actor: str) -> Observed:
    return Observed(Clip(clip, actor), {"x": 1.0}, {})


# -- sets -----------------------------------------------------------------------------------------


def sets(n_actors: int, clips_each: int) -> ObservedSets:
    side = [observed(f"{a}_{c}", f"{a:03d}") for a in range(n_actors) for c in range(clips_each)]
    return ObservedSets(side, side)


def test_an_actor_leaves_both_sides() -> None:
    ours = [observed("1", "a"), observed("2", "b")]
    theirs = [observed("1", "a"), observed("3", "c")]
    both = ObservedSets(ours, theirs)
    assert both.actors == ["a", "b", "c"]
    rest = both.without("a")
    assert [o.clip.id for o in rest.generated] == ["2"]
    assert [o.clip.id for o in rest.reference] == ["3"]


@pytest.mark.parametrize(("actors", "yes"), [(1, False), (2, True)])
def test_one_actor_cannot_be_left_out(actors: int, yes: bool) -> None:
    assert sets(actors, 3).is_jackknifed is yes


@pytest.mark.parametrize(("most", "yes"), [(12, True), (11, False)])
def test_so_many_observations_are_read_again_and_no_more(
    most: int, yes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.score.reduce.MOST_VISITS", most)
    both = replace(sets(2, 2), reference=sets(2, 1).reference)  # 2 actors x (4 + 2) observations
    assert both.is_jackknifed is yes


# -- one reduction --------------------------------------------------------------------------------


class Sum:
    """The sum of x, with whatever it is told to say or do."""

    scores: ClassVar[dict[str, Score]] = {
        "x": Score("lower", range=(0.0, 10.0)),
        "y": Score("lower"),
    }

    def __init__(self, values: Mapping[str, float] | BaseException) -> None:
        self.values = values

    def reduce(self, observed: object) -> Mapping[str, float]:
        if isinstance(self.values, BaseException):
            raise self.values
        return self.values


class Telling(Sum):
    def notes(self, observed: object) -> Sequence[str]:
        return ["few frames", "dark"]

    def counts(self, observed: object) -> Mapping[str, int]:
        return {"frames": 12, "windows": 3}


NOTHING = ObservedSets([], [])


def test_values_notes_and_counts_become_cells() -> None:
    metric = Telling({"x": 2.0, "y": 3.5})
    entry = reduce_once(metric, NOTHING)
    assert isinstance(entry, Entry)
    cells = cells_of(metric, entry, 7)
    for name, value in (("x", 2.0), ("y", 3.5)):
        cell = cells[name]
        assert (cell.value, cell.n, cell.reason) == (value, 7, None)
        assert cell.notes == ("few frames", "dark")
        assert cell.counts == {"frames": 12, "windows": 3}
    assert values_of(cells) == {"x": 2.0, "y": 3.5}


def test_a_metric_that_says_nothing_has_no_notes_and_counts_nothing() -> None:
    metric = Sum({"x": 2.0, "y": 1.0})
    entry = reduce_once(metric, NOTHING)
    assert isinstance(entry, Entry) and dict(entry.arrays) == {}
    cell = cells_of(metric, entry, 1)["x"]
    assert (cell.notes, dict(cell.counts)) == ((), {})


@pytest.mark.parametrize(
    ("values", "value", "reason"),
    [
        ({"y": 1.0}, None, "the metric returned no value"),
        ({"x": float("nan")}, None, "the metric returned nan"),
        ({"x": float("inf")}, None, "the metric returned inf"),
        ({"x": -0.5}, None, "-0.5 is outside the metric's range 0.0..10.0"),
        ({"x": 10.5}, None, "10.5 is outside the metric's range 0.0..10.0"),
        ({"x": 0.0}, 0.0, None),
        ({"x": 10.0}, 10.0, None),
    ],
)
def test_what_is_no_value_has_a_reason(
    values: dict[str, float], value: float | None, reason: str | None
) -> None:
    metric = Sum(values)
    entry = reduce_once(metric, NOTHING)
    assert isinstance(entry, Entry)
    cell = cells_of(metric, entry, 4)["x"]
    assert (cell.value, cell.n, cell.reason) == (value, 4, reason)


def test_a_refused_set_is_an_entry_with_the_reason_in_every_cell() -> None:
    metric = Sum(ClipFailure("too few frames"))
    entry = reduce_once(metric, NOTHING)
    assert isinstance(entry, Entry)
    cells = cells_of(metric, entry, 3)
    assert {(c.value, c.n, c.reason) for c in cells.values()} == {(None, 3, "too few frames")}


@pytest.mark.parametrize("error", [RuntimeError("odd\nthing"), SystemExit(3)])
def test_what_nobody_foresaw_is_a_text(error: BaseException) -> None:
    found = reduce_once(Sum(error), NOTHING)
    assert found == unforeseen(error)
    assert found.startswith("the metric raised ") and "\n" not in found


def test_a_full_memory_ends_the_command() -> None:
    with pytest.raises(UserError, match="metric Sum, reduce"):
        reduce_once(Sum(MemoryError("full")), NOTHING)


class Quick(Sum):
    def without_actors(self, observed: object) -> Mapping[str, Mapping[str, float]] | None:
        if isinstance(self.values, BaseException):
            raise self.values
        return {"a": {"x": 1}, "b": {"x": float("nan")}} if self.values else None


def test_a_metric_may_leave_actors_out_by_itself() -> None:
    found = left_out(Quick({"x": 1.0}), NOTHING)
    assert found is not None and found["a"] == {"x": 1.0} and np.isnan(found["b"]["x"])
    assert left_out(Quick({}), NOTHING) == {}
    assert left_out(Quick(RuntimeError("no")), NOTHING) is None


# -- a row ----------------------------------------------------------------------------------------


class Made:
    """A run of the toys whose observations are made up: brightness and the levels of two frames per clip."""

    def __init__(self, folder: Path, text: str = SUITE) -> None:
        self.run: Run = start(folder, text)
        self.keys = KeyBook(self.run.job)
        self.cache = Cache(folder / "cache")
        self.clips = self.run.split.clips
        self.references: dict[str, Record] = {
            c.id: {"digest": f"r{c.id}", "n_frames": 8} for c in self.clips
        }
        self.records: dict[str, Record] = {
            c.id: {"digest": f"g{c.id}", "n_frames": 8} for c in self.clips
        }
        for place, clip in enumerate(self.clips):
            self.observe(clip, self.records[clip.id], 10.0 + place)
            self.observe(clip, self.references[clip.id], 20.0 + 2 * place)

    def observe(self, clip: Clip, record: Record, value: float, reason: str | None = None) -> None:
        key = self.keys.observation(0, clip, record, self.references[clip.id])
        if reason is not None:
            self.cache.put(key, reason=reason)
        else:
            self.cache.put(key, {"brightness": value}, {"levels": np.array([value, value])})

    def row(self, entrant: RowKey = SYSTEM, lost: Mapping[str, str] | None = None) -> Scored:
        job, split = self.run.job, self.run.split
        packing = Packing(job, split, self.keys, self.cache)
        row = Row(entrant, self.records, self.references)
        reducing = Reducing(job, split.clips, lost or {}, self.cache)
        found = [(task, reducing(task)) for task in row.tasks(job, packing)]
        return row.collected(split, packing, found)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_a_complete_row(made: Made) -> None:
    row = made.row()
    ours, theirs = np.arange(10.0, 19.0), np.arange(20.0, 38.0, 2)
    cell = row.cells[0, "brightness"]
    assert (cell.value, cell.n, cell.reason) == (pytest.approx(ours.mean()), 9, None)
    assert row.cells[0, "spread"].value == pytest.approx(theirs.mean() - ours.mean())
    assert row.failures == {} and row.same_span == {}
    assert list(row.rows) == [0] and list(row.rows[0]) == [c.id for c in made.clips]
    assert row.rows[0]["1001_BBB"] == {"brightness": 11.0}
    keys = [
        made.keys.observation(0, c, made.records[c.id], made.references[c.id]) for c in made.clips
    ]
    assert list(row.keys[0].values()) == keys


def test_each_actor_is_left_out_on_both_sides(made: Made) -> None:
    without = made.row().without[0]
    gap = (np.arange(20.0, 38.0, 2) - np.arange(10.0, 19.0)).reshape(3, 3)  # [actors, clips]
    ours = np.arange(10.0, 19.0).reshape(3, 3)
    assert list(without) == ["1001", "1002", "1003"]
    for actor, values in enumerate(without.values()):
        assert values["spread"] == pytest.approx(np.delete(gap, actor, 0).mean())
        assert values["brightness"] == pytest.approx(np.delete(ours, actor, 0).mean())


def test_what_is_missing_is_counted_with_its_reason(made: Made) -> None:
    refused, lost, absent, failed, unscored = made.clips[:5]
    made.observe(refused, made.records[refused.id], 0.0, "too dark")
    for clip in (lost, unscored):
        made.records[clip.id] = {"digest": f"other{clip.id}", "n_frames": 8}
    del made.records[absent.id]
    made.records[failed.id] = {"failure": "out of memory"}
    key = made.keys.observation(0, lost, made.records[lost.id], made.references[lost.id])
    row = made.row(lost={key: "the metric raised ValueError"})
    assert {clip: reason for (_, clip), reason in row.failures.items()} == {
        refused.id: "too dark",
        lost.id: "the metric raised ValueError",
        absent.id: "not generated",
        failed.id: "out of memory",
        unscored.id: "not scored",
    }
    assert row.cells[0, "brightness"].n == 4
    assert row.cells[0, "brightness"].value == pytest.approx(np.mean([15.0, 16.0, 17.0, 18.0]))
    assert len(row.rows[0]) == len(row.keys[0]) == 4


def test_a_clip_without_a_reference_is_on_neither_side(made: Made) -> None:
    made.references[made.clips[0].id] = {"failure": "no face"}
    del made.references[made.clips[1].id]
    row = made.row()
    assert row.failures == {(0, made.clips[0].id): "no face", (0, made.clips[1].id): "absent"}
    assert row.cells[0, "spread"].n == 7
    assert row.cells[0, "spread"].value == pytest.approx(
        np.arange(24.0, 38.0, 2).mean() - np.arange(12.0, 19.0).mean()
    )


def test_a_row_without_any_clip_has_no_value(made: Made) -> None:
    made.records.clear()
    cells = made.row().cells
    assert {(c.value, c.n, c.reason) for c in cells.values()} == {(None, 0, "no clip was scored")}


def test_a_fault_of_the_metric_is_no_value_and_is_not_kept(tmp_path: Path) -> None:
    made = Made(
        tmp_path, SUITE.replace("[toy-brightness]", "[{metric: toy-brightness, fault: reduce}]")
    )
    row = made.row()
    cell = row.cells[0, "brightness"]
    assert (cell.value, cell.n) == (None, 9)
    assert cell.reason is not None and "toy reduce fault" in cell.reason
    sides = [list(row.keys[0].values()), [
        made.keys.observation(0, c, made.references[c.id], made.references[c.id])
        for c in made.clips
    ]]  # fmt: skip
    assert made.cache.get(made.keys.reduction(0, *sides)) is None


def test_a_reduction_is_kept_and_read_again(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made.row()

    def never(*_: object) -> Any:
        raise AssertionError("reduced again")

    monkeypatch.setattr("thbench.score.reduce.reduce_once", never)
    assert made.row().cells == first.cells


def test_half_of_the_references_against_the_other_half(made: Made) -> None:
    row = made.row(HALVES)
    values = np.arange(20.0, 38.0, 2).reshape(3, 3)
    expected = abs(values[[0, 2]].mean() - values[1].mean())
    assert set(row.cells) == {(0, "spread")}  # no mean over clips has a floor of this kind
    assert row.cells[0, "spread"].value == pytest.approx(expected)
    assert row.cells[0, "spread"].n == 6
    assert row.rows == {} and row.without == {}


def test_one_actor_has_no_halves(tmp_path: Path) -> None:
    made = Made(tmp_path, SUITE.replace("{name: toy}", "{name: toy, n_actors: 1}"))
    cell = made.row(HALVES).cells[0, "spread"]
    assert (cell.value, cell.n, cell.reason) == (None, 0, "one actor cannot be split in halves")
    assert made.row().without[0] == {}


def test_a_metric_without_sets_has_no_halves(tmp_path: Path) -> None:
    made = Made(
        tmp_path,
        SUITE.replace("[toy-brightness]", "[toy-extracted]").replace(
            "primary: brightness", "primary: level"
        ),
    )
    row = made.row(HALVES)
    assert row.cells == {}
    assert made.row().without == {}


def test_a_system_of_the_name_of_the_halves_is_a_system(made: Made) -> None:
    row = made.row(replace(HALVES, kind="system"))
    assert set(row.cells) == {(0, "brightness"), (0, "spread")}


def test_shorter_videos_stand_beside_the_same_span_of_the_truth(made: Made) -> None:
    first, failed, long = made.clips[:3]
    made.records[first.id] = {"digest": "short", "n_frames": 5}
    made.records[failed.id] = {"failure": "refused"}
    made.records[long.id] = {"digest": "long", "n_frames": 9}
    made.observe(first, made.records[first.id], 1.0)
    made.observe(first, over_span(made.references[first.id], 5), 50.0)
    made.observe(long, over_span(made.references[long.id], 9), 60.0)
    row = made.row()
    others = [20.0 + 2 * i for i in range(3, 9)]
    assert row.same_span[0, "brightness"].value == pytest.approx(np.mean([50.0, 60.0, *others]))
    assert row.same_span[0, "brightness"].n == 8


def test_a_failed_reference_makes_no_span(made: Made) -> None:
    made.references[made.clips[0].id] = {"failure": "no face"}
    assert made.row().same_span == {}


class Sums(Telling):
    """A metric that leaves actors out from sums, and counts how often."""

    scores: ClassVar[dict[str, Score]] = {"x": Score("lower", set_level=True)}
    asked = 0

    def __init__(self, known: bool = True) -> None:
        super().__init__({"x": 1.0})
        self.known = known

    def without_actors(self, observed: ObservedSets) -> Mapping[str, Mapping[str, float]] | None:
        self.asked += 1
        values = {a: {"x": float(i) or float("nan")} for i, a in enumerate(observed.actors)}
        return values if self.known else None


def test_values_left_out_at_once_are_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = Sums()
    monkeypatch.setattr("thbench.score.reduce.metric_of", lambda job, index: metric)
    expected = {"1001": {"x": None}, "1002": {"x": 1.0}, "1003": {"x": 2.0}}
    assert made.row().without == {0: expected}
    assert made.row().without == {0: expected}
    assert metric.asked == 1


def test_what_cannot_be_left_out_at_once_is_reduced_anew(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = Sums(known=False)
    monkeypatch.setattr("thbench.score.reduce.metric_of", lambda job, index: metric)
    assert made.row().without == {0: {a: {"x": 1.0} for a in ("1001", "1002", "1003")}}


def test_sets_know_the_keys_of_both_sides() -> None:
    ours, theirs = (
        [CachedObservation(Clip(c, "a"), {}, {}, side + c) for c in "12"] for side in "gr"
    )
    assert KeptSets(ours, theirs).keys == (["g1", "g2"], ["r1", "r2"])

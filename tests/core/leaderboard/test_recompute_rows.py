"""Counts, values and intervals of a row against its own clips table: every one that does not follow is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made import result
from thbench.files.canonical import digest
from thbench.leaderboard.recompute_rows import is_halves, recomputed, scored_clips
from thbench.leaderboard.store import CommittedRow
from thbench.results.clips import ClipsTable
from thbench.results.document import IntervalRecord, OverRecord, Reason, ScoreRecord
from thbench.results.row import Row
from thbench.results.scores import interval_record, row_interval
from thbench.statistics.intervals import jackknife_interval

IDS = [f"c{i:02d}" for i in range(24)]
ACTORS = {c: f"a{i // 3}" for i, c in enumerate(IDS)}
VALUES = dict(zip(IDS, np.random.default_rng(4).normal(5, 1, 24).tolist(), strict=True))
OVER = OverRecord(column="x")
LOST, FAILED, DARK = IDS[20], IDS[21], IDS[22]
"""Without a reference; not answered; answered, but without a value of the score."""
SCORED = [c for c in IDS if c not in (LOST, FAILED, DARK)]
IDENTITY = {"name": "m", "resolution": 64}


def reason(*clips: str, count: int | None = None) -> tuple[Reason, ...]:
    return (Reason(reason="r", count=len(clips) if count is None else count, clips=clips),)


def honest_score(**change: Any) -> ScoreRecord:
    values = np.array([VALUES[c] for c in SCORED])
    owners = [ACTORS[c] for c in SCORED]
    interval = interval_record(row_interval(OVER, values, owners, (0.0, 100.0)))
    fields = {
        "metric": "m", "score": "m", "value": float(values.mean()), "better": "lower", "n": 21,
        "of": 23, "over": OVER, "range": (0.0, 100.0), "interval": interval,
        "failures": reason(DARK), "identity": IDENTITY, "identity_digest": digest(IDENTITY),
    }  # fmt: skip
    return ScoreRecord.model_construct(**{**fields, **change})


def row(
    score: ScoreRecord | None = None,
    clips: dict[str, Any] | None = None,
    cells: dict[str, str] | None = None,
    name: str = "s",
    kind: str = "system",
) -> CommittedRow:
    made = result(name, kind, 64, {"m": [1.0]}, 24)
    record = {
        "n": 23, "generated": 22, "failed": 1, "failures": reason(FAILED),
        "without_reference": reason(LOST),
    }  # fmt: skip
    made = made.model_copy(
        update={
            "scores": {"m": score or honest_score()},
            "clips": made.clips.model_copy(update={**record, **(clips or {})}),
        }
    )
    texts = {c: repr(VALUES[c]) for c in SCORED} if cells is None else cells
    table = ClipsTable("t", ACTORS, {LOST: "no face", FAILED: "refused"}, {"x": texts})
    return CommittedRow(Path("s/1.json"), "1", Row(made, table))


def said(*given: Any, **named: Any) -> list[str]:
    return list(recomputed(row(*given, **named)))


def test_an_honest_row_follows() -> None:
    assert said() == []
    assert scored_clips(row(), honest_score()) == set(SCORED)


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ({"failures": reason(FAILED, count=2)}, ["a reason does not count its clips"]),
        ({"without_reference": reason(LOST, count=0)}, ["a reason does not count its clips"]),
        ({"failed": 2, "generated": 21}, ["23 clips asked for and 2 failed do not follow"]),
        ({"failed": 0, "generated": 23}, ["23 clips asked for and 0 failed do not follow"]),
        ({"generated": 23}, ["do not add up"]),
        ({"generated": 21}, ["do not add up"]),
        (
            {"failures": reason(DARK)},
            [f"clip {FAILED} failed and is not counted", "m: 21 clips scored, 21 in the table, 2 with"],
        ),
        (
            {"without_reference": (), "n": 24, "generated": 23},
            [f"clip {LOST} failed and is not counted", "m: covers 21 of 23 clips, 24 were asked for",
             "m: 21 clips scored, 21 in the table, 2 with"],
        ),
    ],
)  # fmt: skip
def test_false_counts_of_clips(clips: dict[str, Any], words: list[str]) -> None:
    found = said(clips=clips)
    assert len(found) == len(words), found
    assert all(w in f for w, f in zip(words, found, strict=True)), found


def test_fewer_clips_asked_for_than_the_table_has() -> None:
    found = said(honest_score(of=22), {"n": 22, "generated": 21})
    assert found == ["22 clips asked for and 1 failed do not follow from the table"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identity_digest": "0" * 64}, "its identity is not what its digest says"),
        ({"metric": "other"}, "its identity is not what its digest says"),
        (
            {"identity": {**IDENTITY, "resolution": 32},
             "identity_digest": digest({**IDENTITY, "resolution": 32})},
            "its identity is of another resolution than the system",
        ),
        ({"range": (6.0, 100.0)}, "is outside its range"),
        ({"range": (0.0, 4.0)}, "is outside its range"),
        ({"of": 24}, "covers 21 of 24 clips, 23 were asked for"),
        ({"of": 22}, "covers 21 of 22 clips, 23 were asked for"),
        ({"n": 24}, "covers 24 of 23 clips"),
        ({"n": 20}, "20 clips scored, 21 in the table, 3 with a reason"),
        ({"failures": ()}, "21 clips scored, 21 in the table, 2 with a reason"),
        ({"failures": reason(IDS[0])}, "21 clips scored, 21 in the table, 3 with a reason"),
        ({"failures": reason(DARK, IDS[0])}, "21 clips scored, 21 in the table, 4 with a reason"),
        ({"value": 5.5}, "5.5 does not follow from the table, which gives"),
        ({"over": OverRecord(column="y")}, "has no column 'y'"),
        ({"over": OverRecord(column="x", statistic="median")}, "does not follow from the table"),
        ({"interval": None}, "has no interval"),
    ],
)  # fmt: skip
def test_false_scores(change: dict[str, Any], words: str) -> None:
    found = said(honest_score(**change))
    assert any(text.startswith("m: ") and words in text for text in found), found


@pytest.mark.parametrize("bounds", [(None, None), (0.0, None), (None, 100.0)])
def test_an_open_range_holds_every_value(bounds: tuple[float | None, float | None]) -> None:
    assert said(honest_score(range=bounds)) == []


def test_a_value_at_the_end_of_its_range_is_inside() -> None:
    value = honest_score().value
    for bounds in ((value, 100.0), (0.0, value)):
        assert not any("outside" in text for text in said(honest_score(range=bounds)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"low": 4.0}, "interval 4.0.."),
        ({"high": 6.5}, "..6.5 does not follow"),
        ({"low": None, "high": None}, "interval None..None does not follow"),
        ({"level": 0.9}, "of another level or number of actors"),
        ({"n_actors": 9}, "of another level or number of actors"),
    ],
)
def test_false_intervals(change: dict[str, Any], words: str) -> None:
    score = honest_score()
    assert score.interval is not None
    changed = score.interval.model_copy(update=change)
    (found,) = said(honest_score(interval=changed))
    assert words in found


def test_an_interval_may_differ_by_rounding_only() -> None:
    interval = honest_score().interval
    assert interval is not None and interval.low is not None
    near = interval.model_copy(update={"low": interval.low * (1 + 5e-7)})
    far = interval.model_copy(update={"low": interval.low * (1 + 5e-6)})
    assert said(honest_score(interval=near)) == []
    assert len(said(honest_score(interval=far))) == 1


def test_a_cell_that_is_no_number_is_named() -> None:
    texts = {c: repr(VALUES[c]) for c in SCORED} | {IDS[0]: "x"}
    assert any("no finite number" in text for text in said(cells=texts))


def test_an_empty_table_gives_no_value() -> None:
    score = honest_score(n=0, failures=reason(DARK, *SCORED))
    found = said(score, cells={})
    assert found == [f"m: {score.value!r} does not follow from the table, which gives None"]


def test_no_value_and_no_rule_have_nothing_to_follow() -> None:
    assert said(honest_score(value=None, n=0, interval=None)) == []
    assert said(honest_score(over=None, value=7.0)) == []


WITHOUT = {"a1": 5.5, "a0": 5.0, "a2": 4.5}


def of_set(**change: Any) -> ScoreRecord:
    interval = interval_record(
        jackknife_interval(5.0, [5.0, 5.5, 4.5], n_clips=21, bounds=(0.0, 100.0)), WITHOUT
    )
    return honest_score(
        **{"set_level": True, "over": None, "value": 5.0, "interval": interval, **change}
    )


def test_a_set_follows_from_its_values_without_each_actor() -> None:
    assert said(of_set()) == []
    assert said(of_set(interval=None)) == []
    (found,) = said(of_set(value=5.1))
    assert "does not follow" in found


@pytest.mark.parametrize(("low", "high", "n"), [(None, None, 0), (1.0, 9.0, 1)])
def test_an_interval_of_a_set_that_follows_from_nothing(
    low: float | None, high: float | None, n: int
) -> None:
    bare = IntervalRecord(low=low, high=high, level=0.95, method="none", n_actors=8)
    assert said(of_set(interval=bare)) == ["m: its interval follows from nothing"] * n


def test_limits_of_a_set_are_cut_at_its_range() -> None:
    wide = interval_record(
        jackknife_interval(5.0, [0.0, 10.0, 5.0], n_clips=21, bounds=(0.0, 100.0)),
        {"a0": 0.0, "a1": 10.0, "a2": 5.0},
    )
    assert said(of_set(interval=wide)) == []
    assert len(said(of_set(interval=wide, range=(None, 100.0)))) == 1


def test_halves_have_no_clips_of_their_own() -> None:
    halves = row(honest_score(value=77.0), {"n": 5}, name="reference-halves", kind="control")
    assert is_halves(halves)
    assert list(recomputed(halves)) == ["m: covers 21 of 23 clips, 5 were asked for"]
    assert not is_halves(row(name="reference-halves"))
    assert not is_halves(row(name="ground-truth", kind="control"))


def test_a_value_of_zero_follows_from_zeros() -> None:
    zeros = dict.fromkeys(SCORED, "0.0")
    nothing = interval_record(
        row_interval(OVER, np.zeros(len(SCORED)), [ACTORS[c] for c in SCORED], (0.0, 100.0))
    )
    assert said(honest_score(value=0.0, interval=nothing), cells=zeros) == []
    flat = interval_record(
        jackknife_interval(0.0, [0.0] * 3, n_clips=21), dict.fromkeys(WITHOUT, 0.0)
    )
    assert said(of_set(value=0.0, interval=flat)) == []

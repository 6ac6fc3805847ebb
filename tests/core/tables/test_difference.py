"""Two rows against each other in one column: each rule with its numbers, each refusal with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from made import result
from thbench.results.clips import ClipsTable
from thbench.results.document import IntervalRecord, OverRecord
from thbench.results.row import Row
from thbench.statistics.intervals import jackknife_interval
from thbench.statistics.paired import paired_difference, paired_distance, paired_median
from thbench.statistics.permutation import pseudo_value_test
from thbench.tables.difference import Difference, difference, movement, ties

ACTORS = {f"c{i}": f"a{i % 7}" for i in range(14)}
A = np.random.default_rng(1).normal(2.0, 1.0, 14)
B = np.random.default_rng(2).normal(1.0, 1.0, 14)
TRUTH = np.random.default_rng(3).normal(0.0, 1.0, 14)


def row(values: Sequence[float], over: OverRecord | None = None, **score: Any) -> Row:
    """A row of one score `m` over clips c0, c1, ..."""
    made = result("s", "system", 64, {"m": list(values) or [0.0]}, len(values))
    update = {"over": over or OverRecord(column="x"), **score}
    made = made.model_copy(update={"scores": {"m": made.scores["m"].model_copy(update=update)}})
    cells = {f"c{i}": repr(float(v)) for i, v in enumerate(values)}
    return Row(made, ClipsTable("t", ACTORS, {}, {"x": cells}))


def of(values: Sequence[float]) -> dict[str, float]:
    return {f"c{i}": float(v) for i, v in enumerate(values)}


def test_means_are_compared_clip_by_clip_within_what_they_can_be() -> None:
    found = difference("m", row(A, range=(0.0, 2.0)), row(B), None)
    expected = paired_difference(of(A), of(B), ACTORS, bounds=(0.0, 2.0))
    assert (found.by, found.note) == ("value", "")
    assert (found.interval, found.test) == (expected.difference, expected.test)
    assert found.interval is not None and found.interval.estimate == pytest.approx((A - B).mean())


def test_nearness_is_compared_by_distance() -> None:
    near = {"better": "nearer-reference"}
    found = difference("m", row(A, **near), row(B, **near), row(TRUTH, **near))
    expected = paired_distance(of(A), of(B), of(TRUTH), ACTORS)
    assert found.by == "distance"
    assert (found.interval, found.test) == (expected.difference, expected.test)


def test_medians_of_what_both_have() -> None:
    over = OverRecord(column="x", statistic="median", absolute=True)
    found = difference("m", row(A[:12], over), row(B, over), None)
    owners = [ACTORS[c] for c in sorted(of(A[:12]))]
    values = [[abs(of(x)[c]) for c in sorted(of(A[:12]))] for x in (A, B)]
    assert (found.interval, found.test) == paired_median(values, owners)


def test_a_share_is_of_clips_within_the_limit() -> None:
    over = OverRecord(column="x", absolute=True, at_most=1.5)
    found = difference("m", row(A, over), row(B, over), None)
    shares = [(np.abs(x) <= 1.5).mean() for x in (A, B)]
    assert found.interval is not None
    assert found.interval.estimate == pytest.approx(shares[0] - shares[1])


WITHOUT = {"a0": 1.0, "a1": 2.0, "a2": 1.5, "a3": 4.0}


def of_set(mean: float, without: dict[str, float], **score: Any) -> Row:
    interval = IntervalRecord(
        low=0.0, high=1.0, level=0.95, method="jackknife", n_actors=len(without), without=without
    )
    more = {"set_level": True, "value": mean, "interval": interval, "over": None, **score}
    return row(A, **more)


def test_sets_are_compared_by_their_values_without_each_actor() -> None:
    other = {"a3": 1.0, "a2": 0.5, "a1": 0.75, "a0": 0.25}
    found = difference("m", of_set(2.0, WITHOUT, range=(0.0, 3.0)), of_set(0.5, other), None)
    left = [0.75, 1.25, 1.0, 3.0]
    assert found.interval == jackknife_interval(1.5, left, n_clips=14, bounds=(-3.0, 3.0))
    assert found.test == pseudo_value_test(1.5, left)


def test_nearness_of_sets() -> None:
    near = {"better": "nearer-reference"}
    truth = of_set(3.0, dict.fromkeys(WITHOUT, 3.0), **near)
    other = of_set(5.0, dict.fromkeys(WITHOUT, 6.0), **near)
    found = difference("m", of_set(2.0, WITHOUT, **near), other, truth)
    left = [abs(v - 3.0) - 3.0 for v in WITHOUT.values()]
    assert found.interval == jackknife_interval(-1.0, left, n_clips=14)
    assert found.by == "distance"


def test_of_one_actor_nothing_is_tested() -> None:
    found = difference("m", of_set(2.0, {"a0": 1.0}), of_set(1.0, {"a0": 1.0}), None)
    assert found.test is None and found.interval is not None and found.interval.low is None
    assert found.tied
    two = difference(
        "m", of_set(2.0, {"a0": 1.0, "a1": 2.0}), of_set(1.0, {"a0": 1.0, "a1": 3.0}), None
    )
    assert two.test is not None and two.test.n_actors == 2


def test_the_difference_of_values_without_a_bound_has_none() -> None:
    wide = [1e9 if c == 3 else 0.0 for c in range(14)]
    found = difference("m", row(wide, range=(0.0, None)), row(B, range=(0.0, None)), None)
    expected = paired_difference(of(wide), of(B), ACTORS, bounds=(0.0, math.inf))
    assert found.interval == expected.difference


def test_actors_clips_and_range_are_those_of_the_first() -> None:
    """Rows of one split have the same; where one does not, nothing depends on which is asked last."""
    other = row(B)
    lone = dict.fromkeys(ACTORS, "nobody")
    other = Row(other.result, ClipsTable("t", lone, {}, other.clips.cells))
    found = difference("m", row(A), other, None)
    assert found.interval is not None and found.interval.n_actors == 7
    wide = {"a0": -90.0, "a1": 90.0, "a2": 0.0, "a3": 1.0}
    sets = of_set(1.0, wide, range=(0.0, 3.0)), of_set(0.5, WITHOUT, n=10, of=10)
    found = difference("m", *sets, None)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high, found.interval.n_clips) == (-3.0, 3.0, 14)


@pytest.mark.parametrize(
    ("a", "b", "truth", "by", "note"),
    [
        (row(A, value=None), row(B), None, "value", "one of them has no value"),
        (row(A), row(B, value=None), None, "value", "one of them has no value"),
        (row(A), row(B, identity_digest="7"), None, "value", "unlike identities"),
        (row(A, better="nearer-reference"), row(B), None, "distance", "no ground truth"),
        (row(A, better="nearer-reference"), row(B, reference_over_span=1.0), row(TRUTH), "distance",
         "videos are shorter"),
        (row(A, better="nearer-reference", reference_over_span=1.0), row(B), row(TRUTH), "distance",
         "videos are shorter"),
        (row(A), row(B, OverRecord(column="x", statistic="median")), None, "value",
         "not known how the value follows"),
        (row(A[:0], value=1.0), row(B), None, "value", "they share no clip"),
        (of_set(2.0, WITHOUT, n=13), of_set(1.0, WITHOUT), None, "value", "complete"),
        (of_set(2.0, WITHOUT), of_set(1.0, WITHOUT, n=13), None, "value", "complete"),
        (of_set(2.0, WITHOUT), of_set(1.0, {"a0": 1.0}), None, "value", "not left out one by one"),
        (of_set(2.0, {}), of_set(1.0, {}), None, "value", "not left out one by one"),
        (of_set(2.0, WITHOUT, interval=None), of_set(1.0, WITHOUT), None, "value",
         "not left out one by one"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_compared_says_why(
    a: Row, b: Row, truth: Row | None, by: str, note: str
) -> None:
    found = difference("m", a, b, truth)
    assert (found.by, found.interval, found.test) == (by, None, None)
    assert note in found.note
    assert found.tied


def test_a_column_that_one_lacks_has_no_value() -> None:
    assert difference("other", row(A), row(B), None).note == "one of them has no value"


def test_a_ground_truth_without_the_column_or_without_a_value() -> None:
    near = {"better": "nearer-reference"}
    bare = row(TRUTH)
    bare = Row(bare.result.model_copy(update={"scores": {}}), bare.clips)
    found = difference("m", row(A, **near), row(B, **near), bare)
    assert found.note == "no ground truth to be near to"
    sets = [of_set(2.0, WITHOUT, **near) for _ in range(2)]
    found = difference("m", *sets, of_set(1.0, WITHOUT, value=None, **near))
    assert found.note == "a set is comparable only where it is complete"


def test_each_pair_is_compared_once_whichever_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(column: str, a: Row, b: Row, truth: Row | None) -> Difference:
        asked.append((column, a, b))
        return Difference(column, "value")

    monkeypatch.setattr("thbench.tables.difference.difference", counted)
    rows = {"a": row(A), "b": row(B)}
    are_tied = ties("m", rows, None)
    assert are_tied("b", "a") and are_tied("a", "b")
    assert asked == [("m", rows["a"], rows["b"])]


def test_the_range_of_the_first_cuts_the_limits() -> None:
    wide = np.array([9.0, -9.0, 9.0, -9.0, 9.0, -9.0, 0.0] * 2)  # an actor each
    found = difference("m", row(wide, range=(0.0, 1.0)), row(-wide), None)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (-1.0, 1.0)


def test_a_movement_is_of_the_value_itself() -> None:
    near = {"better": "nearer-reference"}
    found = movement("m", row(A, **near), row(B, **near))
    expected = paired_difference(of(A), of(B), ACTORS)
    assert (found.by, found.interval) == ("value", expected.difference)
    sets = movement("m", of_set(2.0, WITHOUT), of_set(0.5, WITHOUT))
    assert sets.interval is not None and sets.interval.estimate == 1.5
    assert movement("m", row(A), row(B, identity_digest="7")).note == "unlike identities"
    assert movement("m", row(A), row(B, value=None)).note == "one of them has no value"
    assert movement("m", row(A), row(B, value=None, reason="too dark")).note == "too dark"
    assert movement("other", row(A), row(B)).note == "one of them has no value"

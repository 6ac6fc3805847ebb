"""Two systems on the same clips: against scipy, exact cases, and ties that are not transitive."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.statistics.intervals import Interval, mean_interval
from thbench.statistics.paired import (
    actors_notes,
    few_actors,
    paired_difference,
    paired_distance,
    paired_median,
    pairs_note,
    ranks_with_ties,
    tied,
)


def test_only_shared_clips_are_compared() -> None:
    actors = {f"{a}{i}": a for a in "abcdef" for i in range(3)}
    rng = np.random.default_rng(1)
    hard = {clip: float(rng.normal(scale=10)) for clip in actors}
    a = {clip: value + 1 + 0.3 * float(rng.normal()) for clip, value in hard.items()}
    b = dict(hard)
    del a["a0"], b["f2"]
    found = paired_difference(a, b, actors)
    assert (found.only_a, found.only_b) == (("f2",), ("a0",))
    shared = sorted(a.keys() & b.keys())
    expected = mean_interval([a[c] - b[c] for c in shared], [actors[c] for c in shared])
    assert found.difference == expected
    assert found.difference.n_clips == 16
    assert not tied(found.difference)  # pairing removes the clips' own difficulty
    swapped = paired_difference(b, a, actors)
    assert swapped.difference.estimate == pytest.approx(-found.difference.estimate)
    assert swapped.test == found.test


def test_systems_without_a_common_clip_are_refused() -> None:
    with pytest.raises(ValueError, match="share no clip"):
        paired_difference({"x": 1.0}, {"y": 1.0}, {"x": "a", "y": "b"})
    with pytest.raises(ValueError, match="share no clip"):
        paired_distance({"x": 1.0}, {"x": 1.0}, {}, {"x": "a"})


def test_infinite_values_are_tied_and_not_tested() -> None:
    """PSNR of two exact copies: infinity minus infinity."""
    actors = dict(zip("uvwxyz", "abcdef", strict=True))
    a, b = dict.fromkeys(actors, float("inf")), dict.fromkeys(actors, 1.0)
    for other in (a, b):
        found = paired_difference(a, other, actors)
        assert found.test is None
        assert tied(found.difference)


def test_nearness_to_the_reference_decides_not_the_value() -> None:
    """Both are one off on average, one above and one below: tied, however far apart they are."""
    actors = {f"{a}{i}": a for a in "abcdefgh" for i in range(4)}
    rng = np.random.default_rng(2)
    reference = {clip: float(rng.normal()) for clip in actors}
    above = {clip: value + 1 + 0.1 * float(rng.normal()) for clip, value in reference.items()}
    below = {clip: value - 1 + 0.1 * float(rng.normal()) for clip, value in reference.items()}
    near = {clip: value + 0.2 + 0.1 * float(rng.normal()) for clip, value in reference.items()}
    apart = paired_distance(above, below, reference, actors)
    assert tied(apart.difference)
    assert apart.test is not None and apart.test.p_value > 0.3, "neither is nearer"
    assert not tied(paired_difference(above, below, actors).difference)
    closer = paired_distance(near, below, reference, actors)
    assert not tied(closer.difference)
    assert closer.difference.estimate == pytest.approx(-0.8, abs=0.1)
    assert closer.test is not None and closer.test.p_value < 0.1


def test_differences_are_cut_at_what_is_possible() -> None:
    """Two actors far apart: Student's t with one degree of freedom reaches beyond any SSIM."""
    actors = {"a0": "a", "a1": "a", "b0": "b", "b1": "b"}
    ours = {"a0": 0.9, "a1": 0.8, "b0": -0.5, "b1": -0.6}
    theirs = dict.fromkeys(actors, 0.95)
    free = paired_difference(ours, theirs, actors).difference
    assert free.low is not None and free.low < -2
    cut = paired_difference(ours, theirs, actors, bounds=(-1.0, 1.0)).difference
    assert (cut.low, cut.high) == (-2.0, 2.0)
    near = paired_distance(ours, theirs, theirs, actors, bounds=(0.0, 1.0)).difference
    assert near.high == 1.0
    assert paired_difference(ours, theirs, actors, bounds=(0.0, np.inf)).difference == free


def interval(low: float | None, high: float | None) -> Interval:
    return Interval(low, high, 0.5, "none" if low is None else "jackknife", 10, 5)


def test_tied_is_an_interval_with_0_or_none_at_all() -> None:
    assert tied(interval(-0.1, 1.0))
    assert tied(interval(0.0, 1.0))
    assert tied(interval(None, None))
    assert not tied(interval(0.1, 1.0))


def test_places_without_ties() -> None:
    ranks = ranks_with_ties(["x", "y", "z"], lambda a, b: False)
    assert [str(ranks[name]) for name in "xyz"] == ["1", "2", "3"]


def test_ties_that_are_not_transitive() -> None:
    pairs = {frozenset("ab"), frozenset("bc")}
    ranks = ranks_with_ties(["a", "b", "c"], lambda a, b: frozenset((a, b)) in pairs)
    assert {name: str(rank) for name, rank in ranks.items()} == {"a": "1–2", "b": "1–3", "c": "2–3"}
    assert ranks["b"].tied_with == ("a", "c")


def test_everything_tied() -> None:
    ranks = ranks_with_ties(["a", "b", "c"], lambda a, b: True)
    assert {str(rank) for rank in ranks.values()} == {"1–3"}


def test_a_system_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        ranks_with_ties(["a", "a"], lambda a, b: False)


def test_medians_are_compared_cut_and_tested() -> None:
    rng = np.random.default_rng(4)
    owners = [f"{i}" for i in range(8) for _ in range(3)]
    a = (rng.random(24) * 0.1 + 0.85).tolist()
    b = (rng.random(24) * 0.1).tolist()
    interval, test = paired_median([a, b], owners, bounds=(0.0, 0.9))
    assert interval.estimate == pytest.approx(np.median(a) - np.median(b))
    assert interval.high is not None and interval.high <= 0.9
    assert test is not None and test.p_value == test.smallest == 2**-7
    near, test = paired_median([a, b, a], owners)
    assert near.estimate == pytest.approx(-abs(np.median(b) - np.median(a)))
    assert test is not None and test.p_value == 2**-7
    same, test = paired_median([a, a, b], owners)
    assert same.estimate == 0 and test is not None and test.p_value == 1
    assert paired_median([[*a[1:], float("inf")], b], owners)[1] is None


def test_few_actors_are_named_where_the_level_is_out_of_reach() -> None:
    """Three actors reach p = 0.25: enough for a level of 75 %, not for one above it."""
    assert few_actors(3, level=0.75) == ""
    assert few_actors(3, level=0.76).endswith("below p = 0.25")
    assert few_actors(1).startswith("1 actor is few")
    assert few_actors(0) == ""


def test_what_comparing_every_pair_means() -> None:
    assert pairs_note(2) == ""
    assert pairs_note(3).startswith(
        "3 systems make 3 pairs, each compared at 95%: of equal ones about 0.15 "
    )
    assert pairs_note(5, 0.9).startswith(
        "5 systems make 10 pairs, each compared at 90%: of equal ones about 1 "
    )


def test_few_actors_cannot_decide() -> None:
    assert few_actors(0) == "" and few_actors(6) == ""
    assert few_actors(5) == "5 actors are few: no test of two systems can go below p = 0.0625"
    assert few_actors(5, 0.9) == ""
    assert actors_notes(6, False) == []
    assert actors_notes(1, True)[0].startswith("actors are unknown")

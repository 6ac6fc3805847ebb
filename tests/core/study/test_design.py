"""The design of a study: pairs, sides, clips and order are even, and follow from the seed."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.study.design import Showing, catches, in_order, pairs, singles

SIZES = {"systems": st.integers(2, 7), "clips": st.integers(1, 9), "seed": st.integers(0, 99)}


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 200), **SIZES)
def test_every_pair_stands_equally_often(systems: int, clips: int, count: int, seed: int) -> None:
    found = Counter(frozenset((p.first, p.second)) for p in pairs(systems, clips, count, seed))
    counts = [found[frozenset((a, b))] for a in range(systems) for b in range(a)]
    assert max(counts) - min(counts) <= 1


@settings(max_examples=60, deadline=None)
@given(**SIZES)
def test_after_a_whole_turn_every_pair_has_met_once_on_every_clip(
    systems: int, clips: int, seed: int
) -> None:
    every = systems * (systems - 1) // 2
    found = Counter(
        (frozenset((p.first, p.second)), p.clip) for p in pairs(systems, clips, every * clips, seed)
    )
    assert set(found.values()) == {1}
    assert len(found) == every * clips


@pytest.mark.parametrize(("systems", "clips"), [(2, 8), (3, 7), (4, 8), (5, 8), (6, 12)])
def test_sides_are_even(systems: int, clips: int) -> None:
    """Over two turns every pair stands equally often on either side, on every clip too."""
    every = systems * (systems - 1) // 2
    shown = pairs(systems, clips, 2 * every * clips, 1)
    sides = Counter((p.first, p.second) for p in shown)
    cells = Counter((p.first, p.second, p.clip) for p in shown)
    assert set(sides.values()) == {clips}
    assert set(cells.values()) == {1}
    assert len(cells) == 2 * every * clips


def test_a_short_list_is_even_by_side_too() -> None:
    """30 pairs of 5 systems: each stands on the left about as often as on the right."""
    left = Counter(p.first for p in pairs(5, 8, 30, 4))
    right = Counter(p.second for p in pairs(5, 8, 30, 4))
    assert max(abs(left[s] - right[s]) for s in range(5)) <= 4
    assert all(left[s] + right[s] == 12 for s in range(5))


def test_singles_are_a_latin_square() -> None:
    found = Counter((s.clip, s.first) for s in singles(4, 6, 24, 2))
    assert len(found) == 24
    assert set(found.values()) == {1}


def test_catch_trials_alternate_sides_and_are_never_first() -> None:
    caught = catches(["mismatched", "twice"] * 3, [1, 2], pairs(3, 8, 12, 5), 5)
    assert sorted(c.first for c in caught if c.kind == "mismatched") in ([0, 0, 1], [0, 1, 1])
    order = in_order(pairs(3, 8, 12, 5), caught, 5)
    assert len(order) == 18
    assert order[0].kind == "pair"
    places = [i for i, one in enumerate(order) if one.kind != "pair"]
    assert min(b - a for a, b in itertools.pairwise(places)) >= 2


def test_no_clip_follows_itself_where_that_can_be_had() -> None:
    order = in_order(pairs(3, 8, 24, 7), [], 7)
    assert not [a for a, b in itertools.pairwise(order) if a.clip == b.clip]


def test_the_seed_decides() -> None:
    assert pairs(4, 6, 20, 1) == pairs(4, 6, 20, 1)
    assert pairs(4, 6, 20, 1) != pairs(4, 6, 20, 2)
    assert pairs(4, 6, 30, 1)[:10] == pairs(4, 6, 10, 1)


def test_one_clip_and_catch_trials_alone() -> None:
    assert in_order([], [Showing("twice", 0, 1, 1)], 0) == [Showing("twice", 0, 1, 1)]

"""Simulated raters prove a study: intervals cover the truth, bad raters are found. Figures: docs/human_study.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from guards import some
from study_coverage import LISTS, TRIALS, WORTH, Found, World, coverage, found
from thbench.statistics.preferences import Votes, davidson
from thbench.study.form import Form
from voters import People

PEOPLE = People(WORTH, raters_differ=0.8, clips_differ=0.8)


def world(form: Form, raters: int = 10, clips: int = 12, people: People = PEOPLE) -> World:
    return World(form, raters, clips, people)


def test_the_truth_of_pairs_is_what_many_answers_tend_to() -> None:
    """40,000 answers, each of a rater and on a clip of its own, drawn from the model itself."""
    rng, n, spread = np.random.default_rng(0), 40_000, 0.8
    ends = rng.permuted(np.tile(np.arange(4), (n, 1)), axis=1)[:, :2]
    first, second = np.sort(ends, axis=1).T
    felt = np.array(WORTH) + rng.normal(0, spread, (n, 4)) + rng.normal(0, spread, (n, 4))
    gap = felt[np.arange(n), first] - felt[np.arange(n), second]
    weights = np.stack([np.exp(gap / 2), np.full(n, PEOPLE.nu), np.exp(-gap / 2)], axis=1)
    drawn = rng.random(n)[:, None] * weights.sum(axis=1, keepdims=True)
    outcome = (drawn > np.cumsum(weights, axis=1)).sum(axis=1)
    slips = rng.random(n) < PEOPLE.lapse
    outcome[slips] = rng.integers(3, size=int(slips.sum()))
    theta, _ = davidson(Votes(4, first, second, outcome).counts(np.ones((1, n))), 4)
    np.testing.assert_allclose(theta[0], world("2afc").truth(), atol=0.04)


def test_the_truth_of_ratings_is_what_many_answers_tend_to() -> None:
    world_of_300 = World("mos", 300, 1, People(WORTH, clips_differ=0.0), trials=12)
    votes = world_of_300.votes(np.random.default_rng(0))
    means = [np.mean([v.outcome for v in votes if v.first == i]) for i in range(4)]
    np.testing.assert_allclose(means, world_of_300.truth(), atol=0.1)


@pytest.mark.parametrize("form", ["2afc", "mos"])
def test_a_few_studies_cover_roughly(form: Form) -> None:
    """Six studies of four scores: below 75 % once in thousands if 95 % hold."""
    row = coverage(world(form, 8), 6, 5, quiet=True)
    assert row.scores >= 0.75
    assert row.without == 0.0


@pytest.mark.long
@pytest.mark.parametrize("form", ["2afc", "mos"])
@pytest.mark.parametrize(("raters", "clips"), [(10, 12), (24, 12)])
@pytest.mark.parametrize("differ", [(0.3, 0.3), (0.8, 0.3), (0.3, 0.8)])
def test_intervals_cover_as_often_as_they_claim(
    form: Form, raters: int, clips: int, differ: tuple[float, float]
) -> None:
    people = People(WORTH, raters_differ=differ[0], clips_differ=differ[1])
    row = coverage(world(form, raters, clips, people), 300, 7)
    assert row.scores > 0.92
    assert row.differences > 0.92
    assert row.told < 0.09


def of(rows: Sequence[Found], kind: str) -> Found:
    return next(row for row in rows if row.kind == kind)


@pytest.mark.long
@pytest.mark.parametrize("trials", [20, 30])
def test_bad_raters_are_found_and_good_ones_are_not(trials: int) -> None:
    rows = found(trials, 6, 60, 7, People((1.6, 0.5, -0.5, -1.6)))
    assert some(rows)
    honest, clicker, other = (of(rows, kind) for kind in ("honest", "clicker", "reversed"))
    assert clicker.dropped > 0.93
    assert other.dropped > 0.97
    assert honest.dropped < 0.02
    assert honest.reversed == 0.0


def test_every_rater_has_a_list_of_the_design() -> None:
    votes = world("2afc", 5).votes(np.random.default_rng(1))
    assert len(votes) == 5 * TRIALS
    assert LISTS == 8
    assert all(v.first < v.second for v in some(votes))

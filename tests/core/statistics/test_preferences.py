"""Bradley-Terry with ties against outside implementations, its condition for a maximum, and clustered intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from guards import some
from make_study_values import table
from thbench.statistics.preferences import Votes, davidson, pair_chances, why_no_maximum
from thbench.statistics.two_way import more_raters, spread_of, two_way_interval

# choix 0.4.1 and statsmodels, by `python tests/tools/make_study_values.py`
BRADLEY_TERRY = [0.47377968412983573, 0.18422402571932084, -0.4066727418572941, -0.2513309679918625]
DAVIDSON = [0.17500239595174288, -0.2740198216521551, 0.15973528350967797, -0.060717857809265696]
NU = 0.7640834278642443


def test_bradley_terry_as_choix_has_it() -> None:
    theta, nu = davidson(table(1, ties=False)[None].astype(float), 4)
    np.testing.assert_allclose(theta[0], BRADLEY_TERRY, rtol=1e-5)
    assert nu[0] == 0.0


def test_davidson_as_a_log_linear_model_has_it() -> None:
    theta, nu = davidson(table(2, ties=True)[None].astype(float), 4)
    np.testing.assert_allclose(theta[0], DAVIDSON, rtol=1e-6)
    np.testing.assert_allclose(nu[0], NU, rtol=1e-6)


def test_tables_of_a_batch_do_not_touch_one_another() -> None:
    tables = np.stack([table(s, ties=s % 2 == 0).astype(float) for s in range(5)])
    together, ties = davidson(tables, 4)
    for i, one in enumerate(some(tables)):
        alone, tie = davidson(one[None], 4)
        np.testing.assert_allclose(together[i], alone[0], atol=1e-9)
        np.testing.assert_allclose(ties[i], tie[0], atol=1e-9)


def test_chances_give_back_the_counts_of_two_systems() -> None:
    theta, nu = davidson(np.array([[[30.0, 20.0, 10.0]]]), 2)
    np.testing.assert_allclose(
        pair_chances(theta[0], nu[0], 0, 1), np.array([3, 2, 1]) / 6, rtol=1e-8
    )


PAIRS = ["ab", "ac", "bc"]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([[3, 0, 2], [2, 0, 2], [1, 0, 4]], ""),
        ([[3, 1, 2], [0, 0, 0], [1, 0, 4]], ""),
        ([[3, 0, 0], [2, 0, 0], [1, 0, 4]], "a lost no vote"),
        ([[3, 2, 0], [2, 1, 0], [0, 3, 0]], "a lost no vote"),
        ([[3, 2, 0], [2, 1, 0], [1, 0, 4]], ""),
        ([[3, 0, 2], [0, 0, 0], [0, 0, 0]], "a, b was never compared with c"),
        ([[0, 2, 0], [0, 1, 0], [0, 3, 0]], "every vote is a tie"),
        ([[3, 0, 0], [0, 0, 2], [3, 0, 0]], ""),  # a > b > c > a
        ([[0, 0, 0], [0, 0, 0], [0, 0, 0]], "no votes"),
    ],
)
def test_whether_a_maximum_exists(counts: list[list[int]], said: str) -> None:
    data = np.array(counts, float)
    found = why_no_maximum(data, "abc")
    assert found.startswith(said) and bool(found) == bool(said)
    theta, _ = davidson(data[None], 3)
    if not said:
        assert np.isfinite(theta).all()
    elif "lost" in said:
        assert np.isnan(theta).all()
        theta, _ = davidson(data[None], 3, pseudo=1.0)
        assert np.isfinite(theta).all()


def voted(
    seed: int, theta: list[float], nu: float, raters: int, clips: int
) -> tuple[Votes, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second, outcome, who, what = [], [], [], [], []
    for rater in range(raters):
        for clip in range(clips):
            a, b = sorted(rng.choice(len(theta), 2, replace=False))
            chances = pair_chances(np.array(theta), nu, int(a), int(b))
            first.append(a)
            second.append(b)
            outcome.append(rng.choice(3, p=chances))
            who.append(rater)
            what.append(clip)
    as_array = [np.array(x, dtype=np.intp) for x in (first, second, outcome, who, what)]
    return Votes(len(theta), *as_array[:3]), as_array[3], as_array[4]


def test_an_interval_lies_around_the_estimate_and_shrinks_with_raters() -> None:
    truth = [0.6, 0.0, -0.6]
    widths = []
    for raters in (10, 40):
        votes, who, what = voted(1, truth, 0.5, raters, 12)
        spread = spread_of(lambda w, v=votes: davidson(v.counts(w), 3)[0], who, what, 0)  # type: ignore[misc]
        found = two_way_interval(spread, np.array([1.0, 0, -1]))
        assert found.low is not None and found.high is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < 0.7 * widths[0]
    assert found.low > 0


def test_few_raters_have_no_interval() -> None:
    votes, who, what = voted(1, [0.5, -0.5], 0.5, 2, 12)
    spread = spread_of(lambda w: davidson(votes.counts(w), 2)[0], who, what, 0)
    found = two_way_interval(spread, np.array([1.0, -1]))
    assert found.low is None
    assert found.note == "fewer than 3 raters"


def test_one_sided_votes_have_no_interval_and_say_why() -> None:
    votes = Votes(2, np.zeros(20, int), np.ones(20, int), np.array([0] * 19 + [2]))
    who, what = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    spread = spread_of(lambda w: davidson(votes.counts(w), 2)[0], who, what, 0)
    assert "of the resamples have no maximum" in two_way_interval(spread, np.array([1.0, -1])).note


def test_more_raters_are_needed_for_a_smaller_difference() -> None:
    needed = []
    for gap in (0.2, 0.8):
        votes, who, what = voted(3, [gap / 2, -gap / 2], 0.0001, 12, 16)
        spread = spread_of(lambda w, v=votes: davidson(v.counts(w), 2)[0], who, what, 0)  # type: ignore[misc]
        times = more_raters(spread, np.array([1.0, -1]))
        assert times is not None
        needed.append(times)
    assert needed[0] > needed[1]
    assert not math.isnan(needed[0])

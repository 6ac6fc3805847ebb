"""percentile_interval: its expanded tail against scipy.stats, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from thbench.statistics.intervals import _expanded_tail, percentile_interval


def by_scipy(n: int, level: float) -> float:
    """Hesterberg 2015, section 5.3: Phi(-sqrt(n / (n - 1)) t_{n - 1, (1 + level) / 2})."""
    reach = math.sqrt(n / (n - 1)) * stats.t.ppf((1 + level) / 2, n - 1)
    return float(stats.norm.sf(reach))


@pytest.mark.parametrize("n", [6, 10, 91, 10_000])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_expanded_tail_is_that_of_scipy(n: int, level: float) -> None:
    assert _expanded_tail(n, level) == pytest.approx(by_scipy(n, level), rel=1e-9)


def test_the_tail_that_the_docstring_states() -> None:
    assert _expanded_tail(10, 0.95) == pytest.approx(0.00855, abs=5e-6)  # n - 2 would give 0.0075


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_limits_are_the_quantiles_of_the_resampled_statistic_at_that_tail(level: float) -> None:
    """One clip per actor: resampling actors is resampling values."""
    values = np.random.default_rng(2).exponential(size=10)
    actors = [f"{i:02d}" for i in range(10)]
    found = percentile_interval(values, actors, np.median, level=level, seed=5)
    drawn = np.random.default_rng(5).integers(0, 10, size=(1999, 10))
    tail = by_scipy(10, level)
    low, high = np.quantile(np.median(values[drawn], axis=1), [tail, 1 - tail])
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert (found.method, found.level, found.n_clips, found.n_actors) == (
        "percentile",
        level,
        10,
        10,
    )


@pytest.mark.parametrize(
    ("values", "actors", "level", "says"),
    [
        ([], [], 0.95, "0 values and 0 actors: one actor per clip"),
        ([1.0, 2.0], ["a"], 0.95, "2 values and 1 actors: one actor per clip"),
        ([1.0], ["a", "b"], 0.95, "1 values and 2 actors: one actor per clip"),
        ([1.0, 2.0], ["a", "b"], 0.0, "level 0.0 is not between 0 and 1"),
        ([1.0, 2.0], ["a", "b"], 1.0, "level 1.0 is not between 0 and 1"),
        ([1.0, 2.0], ["a", "b"], 95.0, "level 95.0 is not between 0 and 1"),
    ],
)
def test_what_has_no_meaning_is_refused(
    values: list[float], actors: list[str], level: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        percentile_interval(values, actors, lambda v: float(v.mean()), level=level)


def test_six_actors_have_an_interval_and_five_have_none() -> None:
    values, actors = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], list("abcdef")
    assert percentile_interval(values, actors, np.median).low is not None
    five = percentile_interval(values[:5], actors[:5], np.median)
    assert (five.low, five.high, five.note) == (None, None, "5 actors are too few to resample")
    assert five.estimate == 4.0

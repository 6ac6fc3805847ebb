"""Intervals over actors: against scipy, textbook values, and the promises of the docstrings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import linalg, stats

import coverage_simulation
from thbench.errors import ClipFailure
from thbench.statistics import intervals
from thbench.statistics.intervals import (
    FLAT,
    Actors,
    _bootstrap_t,
    clustered_error,
    jackknife_interval,
    mean_interval,
    percentile_interval,
    set_interval,
)

Floats = NDArray[np.float64]


def nested(n_actors: int, clips: int = 8, seed: int = 0) -> tuple[Floats, list[str]]:
    """Values with as much variance between actors as within."""
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.normal(size=n_actors), clips) + rng.normal(size=n_actors * clips)
    return values, [f"actor {i:02d}" for i in range(n_actors) for _ in range(clips)]


def alone(n: int) -> list[str]:
    """Every clip its own actor."""
    return [f"{i:04d}" for i in range(n)]


# -- outside implementations ----------------------------------------------------------------------


def test_error_of_independent_clips_is_the_textbook_one() -> None:
    data = np.random.default_rng(1).exponential(size=50)
    cast = Actors.of(data, alone(50))
    mean, error = clustered_error(cast.sizes, cast.sums)
    assert float(mean) == pytest.approx(data.mean(), rel=1e-14)
    assert float(error) == pytest.approx(float(stats.sem(data)), rel=1e-14)


def test_error_of_equally_many_clips_is_that_of_actor_means() -> None:
    values, actors = nested(7)
    cast = Actors.of(values, actors)
    _, error = clustered_error(cast.sizes, cast.sums)
    assert float(error) == pytest.approx(
        float(stats.sem(values.reshape(7, -1).mean(axis=1))), rel=1e-13
    )


def test_few_actors_give_the_t_interval_of_scipy() -> None:
    values, actors = nested(4)
    means = values.reshape(4, -1).mean(axis=1)
    expected = stats.t.interval(0.9, df=3, loc=means.mean(), scale=stats.sem(means))
    found = mean_interval(values.tolist(), actors, level=0.9)
    assert found.method == "student-t"
    assert "too few" in found.note
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)


def test_bootstrap_t_against_scipy_resampling_the_pivot() -> None:
    """scipy resamples t = (mean* - mean) / sem*; its percentiles give the same limits up to the noise
    of 9,999 draws."""
    data = np.random.default_rng(2).exponential(size=40)

    def pivot(sample: Floats, axis: int = -1) -> Floats:
        return np.asarray((sample.mean(axis=axis) - data.mean()) / stats.sem(sample, axis=axis))

    t = stats.bootstrap((data,), pivot, method="percentile", rng=np.random.default_rng(3))
    low = data.mean() - t.confidence_interval.high * stats.sem(data)
    high = data.mean() - t.confidence_interval.low * stats.sem(data)
    found = mean_interval(data.tolist(), alone(40))
    assert found.method == "bootstrap-t"
    assert found.low == pytest.approx(low, abs=0.03 * (high - low))
    assert found.high == pytest.approx(high, abs=0.03 * (high - low))
    assert found.low is not None and found.high is not None
    assert found.high - found.estimate > found.estimate - found.low  # skewed as the data


def test_resamples_drawn_in_blocks_are_those_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the whole table of resamples; blocks of 1, of some, and of more than there are."""
    cast = Actors.of(*nested(7, 3))
    drawn = np.random.default_rng(5).integers(0, 7, size=(1001, 7))
    expected = clustered_error(cast.sizes[drawn], cast.sums[drawn])
    for at_once in (1, 7 * 100, 10**6):
        monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", at_once)
        means, errors = intervals._resampled(cast, 1001, 5)
        assert np.array_equal(means, expected[0]) and np.array_equal(errors, expected[1])


def test_bootstrap_t_is_near_bca_for_many_independent_clips() -> None:
    data = np.random.default_rng(4).normal(size=400)
    bca = stats.bootstrap((data,), np.mean, method="BCa", rng=np.random.default_rng(5))
    found = mean_interval(data.tolist(), alone(400))
    width = bca.confidence_interval.high - bca.confidence_interval.low
    assert found.low == pytest.approx(bca.confidence_interval.low, abs=0.05 * width)
    assert found.high == pytest.approx(bca.confidence_interval.high, abs=0.05 * width)


def test_percentiles_of_a_median_against_scipy() -> None:
    """Every clip its own actor: scipy's percentile bootstrap at the expanded level."""
    data = np.random.default_rng(9).exponential(size=60)
    reach = float((60 / 59) ** 0.5 * stats.t.ppf(0.975, 59))
    level = 1 - 2 * float(stats.norm.sf(reach))
    assert 0.95 < level < 0.96
    expected = stats.bootstrap(
        (data,),
        np.median,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = percentile_interval(data, alone(60), np.median, replicates=9999)
    assert (found.method, found.estimate) == ("percentile", float(np.median(data)))
    assert found.low == pytest.approx(expected.low, abs=0.05 * (expected.high - expected.low))
    assert found.high == pytest.approx(expected.high, abs=0.05 * (expected.high - expected.low))


LAW_SCHOOL = np.array(
    [
        [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594],
        [3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96],
    ]
)


def test_jackknife_of_the_law_school_correlation() -> None:
    """Efron & Tibshirani (1993), tables 3.1 and 11.1: r = 0.776, jackknife error 0.142."""
    schools = alone(15)

    def correlation(kept: Sequence[str]) -> float:
        return float(np.corrcoef(LAW_SCHOOL[:, [int(name) for name in kept]])[0, 1])

    found = set_interval(correlation, schools)
    assert found.method == "jackknife"
    assert found.estimate == pytest.approx(0.776, abs=5e-4)
    assert found.low is not None and found.high is not None
    error = (found.high - found.low) / 2 / float(stats.t.ppf(0.975, 14))
    assert error == pytest.approx(0.142, abs=1e-3)


def test_jackknife_of_a_mean_is_the_t_interval() -> None:
    data = np.random.default_rng(6).normal(size=12)
    without = [float(np.delete(data, i).mean()) for i in range(12)]
    found = jackknife_interval(float(data.mean()), without, n_clips=12)
    expected = stats.t.interval(0.95, df=11, loc=data.mean(), scale=stats.sem(data))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)


# -- promises -------------------------------------------------------------------------------------

CLIPS = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.sampled_from("abcdefg")), min_size=1, max_size=40
)


@settings(max_examples=200, deadline=None)
@given(CLIPS)
def test_the_interval_contains_its_estimate(clips: list[tuple[float, str]]) -> None:
    values, actors = [c[0] for c in clips], [c[1] for c in clips]
    found = mean_interval(values, actors, replicates=199)
    assert found.estimate == float(np.mean(values))
    assert (found.n_clips, found.n_actors) == (len(clips), len(set(actors)))
    if found.low is None or found.high is None:
        assert found.method == "none"
        assert found.note
        assert found.contains(found.estimate) is None
    else:
        assert math.isfinite(found.low) and math.isfinite(found.high)
        assert found.contains(found.estimate)
    assert found == mean_interval(values, actors, replicates=199)


@pytest.mark.parametrize("n_actors", [2, 5, 6, 10])
def test_limits_follow_shift_and_scale(n_actors: int) -> None:
    values, actors = nested(n_actors)
    plain = mean_interval(values.tolist(), actors)
    moved = mean_interval((3 * values + 7).tolist(), actors)
    assert plain.low is not None and plain.high is not None
    assert moved.low == pytest.approx(3 * plain.low + 7, rel=1e-9)
    assert moved.high == pytest.approx(3 * plain.high + 7, rel=1e-9)


def test_percentiles_need_six_actors() -> None:
    values, actors = nested(5)
    assert percentile_interval(values, actors, np.median).note == "5 actors are too few to resample"
    values, actors = nested(6)
    found = percentile_interval(values, actors, np.median, seed=4)
    assert found.contains(float(np.median(values)))
    assert found == percentile_interval(values, actors, np.median, seed=4)
    values[0] = math.nan
    assert "no finite value" in percentile_interval(values, actors, np.median).note


def test_the_order_of_clips_does_not_matter() -> None:
    values, actors = nested(10)
    order = np.random.default_rng(8).permutation(len(values))
    a = mean_interval(values.tolist(), actors)
    b = mean_interval(values[order].tolist(), [actors[i] for i in order])
    assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-12)


def test_clips_of_one_actor_are_not_taken_for_independent() -> None:
    values, actors = nested(10, clips=80)
    clustered, naive = mean_interval(values.tolist(), actors), mean_interval(values, alone(800))
    assert clustered.low is not None and clustered.high is not None
    assert naive.low is not None and naive.high is not None
    assert clustered.high - clustered.low > 4 * (naive.high - naive.low)


def test_a_seed_decides() -> None:
    values, actors = nested(10)
    assert mean_interval(values, actors, seed=1) == mean_interval(values, actors, seed=1)
    assert mean_interval(values, actors, seed=1) != mean_interval(values, actors, seed=2)


def test_one_actor_has_no_interval() -> None:
    found = mean_interval([1.0, 2.0, 3.0], ["a"] * 3)
    assert (found.low, found.high, found.method, found.estimate) == (None, None, "none", 2.0)
    assert "one actor" in found.note
    assert set_interval(lambda cast: 5.0, ["a", "a"]).method == "none"


def test_constant_data_has_an_interval_of_no_width() -> None:
    found = mean_interval([0.1] * 30, [f"{i % 10}" for i in range(30)])
    assert found.method == "constant"
    assert found.low == found.high == found.estimate


def test_zeros_are_constant_too() -> None:
    owners = [f"{i % 10}" for i in range(30)]
    assert mean_interval([0.0] * 30, owners).method == "constant"
    assert jackknife_interval(0.0, [0.0] * 5, n_clips=9).method == "constant"


def test_agreeing_actor_means_are_no_certainty() -> None:
    found = mean_interval([1.0, 3.0] * 6, [f"{i // 2}" for i in range(12)])
    assert found.method == "none"
    assert "by chance" in found.note


def test_rounding_is_no_variation_between_actors() -> None:
    """0.1 + 0.2 - 0.3 is 5.6e-17 in floats: without a scale that would look like certainty."""
    values = [0.1, 0.2, -0.3, 0.3, -0.1, -0.2] * 6
    found = mean_interval(values, [f"{i // 3}" for i in range(36)])
    assert found.method == "none"
    assert "by chance" in found.note


def test_one_odd_actor_falls_back_to_student() -> None:
    """A third of all resamples miss the only actor that differs: t* is infinite there."""
    found = mean_interval([0.0] * 9 + [1.0], alone(10), bounds=(0.0, 1.0))
    assert found.method == "student-t"
    assert "alike" in found.note
    assert found.low == 0.0  # cut at what is possible


def test_bounds_cut_but_never_lose_the_estimate() -> None:
    values, actors = nested(10)
    found = mean_interval(values, actors, bounds=(float(values.mean()), math.inf))
    assert found.low == found.estimate
    narrow = jackknife_interval(1.0, [0.5, 1.0, 2.0], n_clips=3, bounds=(0.0, 1.5))
    assert (narrow.low, narrow.high) == (0.0, 1.5)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 1e200])
def test_values_that_are_not_finite_have_no_interval(bad: float) -> None:
    values, actors = nested(10)
    values[3] = bad
    assert "no finite value" in mean_interval(values, actors).note
    assert "not finite" in jackknife_interval(1.0, [1.0, bad, 2.0], n_clips=3).note


@pytest.mark.parametrize(
    ("values", "actors", "level"), [([], [], 0.95), ([1.0], ["a", "b"], 0.95), ([1.0], ["a"], 1.0)]
)
def test_our_own_mistakes_are_refused(values: list[float], actors: list[str], level: float) -> None:
    with pytest.raises(ValueError, match=r"actor|level"):
        mean_interval(values, actors, level=level)


def test_set_interval_asks_for_all_actors_and_each_left_out_once() -> None:
    asked: list[tuple[str, ...]] = []

    def value(cast: Sequence[str]) -> float:
        asked.append(tuple(cast))
        return float(len(cast[0]) + len(asked))

    found = set_interval(value, ["c", "a", "b", "a"])
    assert asked == [("a", "b", "c"), ("b", "c"), ("a", "c"), ("a", "b")]
    assert (found.n_clips, found.n_actors) == (4, 3)
    assert "few" in found.note


def test_set_interval_says_why_a_metric_failed() -> None:
    def value(cast: Sequence[str]) -> float:
        if "a" not in cast:
            raise ClipFailure("1 frame, needs 2")
        return 1.0

    found = set_interval(value, ["a", "b", "c"])
    assert found.method == "none"
    assert "1 frame, needs 2" in found.note


def test_a_flat_jackknife_has_no_width() -> None:
    found = jackknife_interval(2.0, [2.0, 2.0, 2.0], n_clips=9)
    assert (found.low, found.high, found.method) == (2.0, 2.0, "constant")


# -- coverage -------------------------------------------------------------------------------------


def covers(rows: Sequence[coverage_simulation.Coverage]) -> dict[str, coverage_simulation.Coverage]:
    return {row.method: row for row in rows}


def test_the_simulated_fid_is_fid() -> None:
    """Against scipy's matrix square root, with one actor left out on both sides."""
    data = coverage_simulation.fid_data(np.random.default_rng(0), 5, 16)
    weights = np.array([[1.0, 1.0, 0.0, 1.0, 1.0]])
    (m, s), (n, t) = (side.pooled(weights) for side in (data.reference, data.generated[0]))
    root = linalg.sqrtm(s[0] @ t[0]).real
    expected = ((m[0] - n[0]) ** 2).sum() + np.trace(s[0] + t[0] - 2 * root)
    assert float(data.fid(weights)[0]) == pytest.approx(float(expected), rel=1e-10)


def test_the_fid_of_the_population_is_the_limit() -> None:
    data = coverage_simulation.fid_data(np.random.default_rng(0), 3000, 4)
    found = float(data.fid(np.ones((1, 3000)))[0])
    assert found == pytest.approx(coverage_simulation.population_fid(4), rel=0.1)


@pytest.mark.parametrize("skewed", [False, True])
def test_coverage_of_a_mean_with_ten_actors(skewed: bool) -> None:
    rows = covers(coverage_simulation.simulate_scalar(10, skewed, 300, seed=7))
    assert rows["mean_interval"].truth > 0.87
    assert rows["mean_interval"].has_estimate == 1.0
    assert rows["clips taken as independent, t"].truth < 0.7


@pytest.mark.long
@pytest.mark.parametrize("skewed", [False, True])
def test_coverage_of_a_median(skewed: bool) -> None:
    rows = covers(coverage_simulation.simulate_scalar(10, skewed, 200, seed=7, median=True))
    assert rows["percentile_interval"].truth > 0.88


@pytest.mark.long
@pytest.mark.parametrize(("n_actors", "d"), [(10, 16), (30, 16), (10, 64), (30, 64)])
def test_coverage_of_fid(n_actors: int, d: int) -> None:
    """The jackknife covers the FID of test sets of this size, the percentile bootstrap does not."""
    rows = covers(coverage_simulation.simulate_fid(n_actors, d, 100, seed=7, draws=199))
    ours, percentile = rows["set_interval (jackknife)"], rows["percentile over actors"]
    assert ours.at_this_size is not None and percentile.at_this_size is not None
    assert ours.at_this_size > 0.88
    assert ours.has_estimate == 1.0
    assert percentile.at_this_size < ours.at_this_size - 0.05
    assert percentile.truth < 0.2


@pytest.mark.long
@pytest.mark.parametrize("n_actors", [10, 30])
def test_equal_systems_are_tied_in_fid(n_actors: int) -> None:
    good = coverage_simulation.GOOD
    (row,) = coverage_simulation.simulate_fid_difference(n_actors, 64, 100, 7, good)
    assert row.truth > 0.85


def test_bootstrap_that_explodes_falls_back_and_says_so() -> None:
    """Two of eight actors carry all variation: resamples without them have next to no spread."""
    rng = np.random.default_rng(3)
    actors = [f"{a}" for a in range(8) for _ in range(10)]
    spread = [1.0 if int(a) < 2 else 0.01 for a in actors]
    values = [s * (float(a) + rng.normal()) for s, a in zip(spread, actors, strict=True)]
    found = mean_interval(values, actors)
    assert found.method == "student-t" and "few actors carry all variation" in found.note


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_rounding_is_no_variation_at_any_scale(scale: float) -> None:
    few = np.array([1.0, 1.0, 1.0 + FLAT / 2, 1.0])
    assert mean_interval(scale * few, alone(4)).method == "constant"
    more = np.array([1.0, 1.0 + 3 * FLAT, 1.0, 1.0 + 40 * FLAT])
    assert mean_interval(scale * more, alone(4)).method != "constant"


def test_a_resample_that_equals_the_sample_has_no_t() -> None:
    """Four of six actors have the mean itself. A resample of them alone has neither shift nor error:
    t* = 0 and not 0 / 0. With those that balance, P(t* = 0) = 0.284, so that the middle fifth is 0."""
    values = np.array([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    limits = _bootstrap_t(Actors.of(values, alone(6)), 0.0, 0.2, 4000, 0)
    assert limits == (0.0, 0.0)


@pytest.mark.parametrize(("n", "few"), [(2, True), (3, True), (4, False), (5, False)])
def test_a_jackknife_of_two_or_three_actors_says_so(n: int, few: bool) -> None:
    found = jackknife_interval(1.0, [0.9, 1.1, 1.0, 1.2, 0.8][:n], n_clips=20)
    assert (found.method, bool(found.note)) == ("jackknife", few)
    assert not few or found.note.startswith(f"{n} actors are few")

"""Permutation tests over actors: against scipy, against their definitions, and Holm's correction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thbench.statistics import permutation
from thbench.statistics.permutation import (
    exchange_test,
    holm,
    pseudo_value_test,
    sign_flip_test,
    swap_test,
)


@pytest.mark.parametrize("n_actors", [3, 6, 9])
@pytest.mark.parametrize("clips", [1, 5])
def test_exact_test_agrees_with_scipy(n_actors: int, clips: int) -> None:
    rng = np.random.default_rng(n_actors)
    sums = rng.normal(0.5, 1, size=(n_actors, clips))
    owners = [f"{i}" for i in range(n_actors) for _ in range(clips)]
    expected = stats.permutation_test(
        [sums.sum(axis=1)],
        lambda x, axis: np.sum(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10**6,  # more than there are: scipy enumerates them
    )
    found = sign_flip_test(sums.ravel().tolist(), owners)
    assert found.exact
    assert found.p_value == pytest.approx(float(expected.pvalue), abs=1e-12)
    assert found.smallest == 2.0 ** (1 - n_actors)


def test_all_actors_on_one_side_give_the_smallest_p() -> None:
    found = sign_flip_test([1.0, 2.0, 0.5, 4.0], list("abcd"))
    assert found.p_value == found.smallest == 2 / 16


def test_no_difference_gives_p_1() -> None:
    assert sign_flip_test([0.0] * 6, list("aabbcc")).p_value == 1.0
    assert sign_flip_test([1.0, -1.0, 2.0, -2.0], list("abcd")).p_value == 1.0


def test_drawn_flips_agree_with_all_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, size=12).tolist()
    owners = [f"{i:02d}" for i in range(12)]
    exact = sign_flip_test(differences, owners)
    monkeypatch.setattr(permutation, "EXACT_FLIPS", 0)
    drawn = sign_flip_test(differences, owners)
    assert not drawn.exact
    assert drawn.smallest == 1e-5
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * (0.25 / 99_999) ** 0.5)
    assert drawn == sign_flip_test(differences, owners)


def test_flipping_whole_actors_not_clips() -> None:
    """Forty clips of two actors: no p below 1/2, whatever the clips say."""
    assert sign_flip_test([1.0] * 40, ["a"] * 20 + ["b"] * 20).p_value == 0.5


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), st.sampled_from("abcdef")), min_size=1, max_size=20))
def test_p_is_a_probability_and_symmetric(clips: list[tuple[float, str]]) -> None:
    owners = [c[1] for c in clips]
    found = sign_flip_test([c[0] for c in clips], owners)
    assert found.smallest <= found.p_value <= 1
    assert found.p_value == sign_flip_test([-c[0] for c in clips], owners).p_value


@pytest.mark.parametrize(("values", "owners"), [([], []), ([1.0], ["a", "b"]), ([np.nan], ["a"])])
def test_our_own_mistakes_are_refused(values: list[float], owners: list[str]) -> None:
    with pytest.raises(ValueError, match="one finite difference"):
        sign_flip_test(values, owners)


def test_the_test_of_nearness_is_the_definition_spelled_out() -> None:
    """Every exchange of the two systems' clips of some actors, by loops."""
    rng = np.random.default_rng(5)
    owners = [a for a in "abcde" for _ in range(3)]
    x, y = rng.normal(0.4, 1, 15), rng.normal(-0.2, 1, 15)
    seen, count = abs(abs(x.sum()) - abs(y.sum())), 0
    for mask in range(2**5):
        swapped = np.array([mask >> "abcde".index(a) & 1 for a in owners], bool)
        a, b = np.where(swapped, y, x), np.where(swapped, x, y)
        count += abs(abs(a.sum()) - abs(b.sum())) >= seen - 1e-12
    found = swap_test(x.tolist(), y.tolist(), owners)
    assert found.p_value == count / 2**5 and found.exact and found.smallest == 2 / 2**5
    assert swap_test(y.tolist(), x.tolist(), owners).p_value == found.p_value
    many = [f"{a}{i}" for i, a in enumerate(owners)] * 2
    drawn = swap_test([*x, *x], [*y, *y], many[:15] + [f"z{m}" for m in many[:15]])
    assert not drawn.exact and 0 < drawn.p_value <= 1
    with pytest.raises(ValueError, match="two finite values"):
        swap_test([1.0], [float("nan")], ["a"])


def test_holm_is_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.4]) == [0.4]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def median_gap(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.median(x) - np.median(y))


@pytest.mark.parametrize("clips", [1, 4])
def test_exchanging_any_statistic_is_the_definition_spelled_out(clips: int) -> None:
    rng = np.random.default_rng(clips)
    owners = [f"{i}" for i in range(7) for _ in range(clips)]
    a, b = rng.normal(0.4, 1, size=(7, clips)), rng.normal(0, 1, size=(7, clips))
    seen = abs(median_gap(a.ravel(), b.ravel()))
    count = 0
    for swapped in itertools.product([False, True], repeat=7):
        x, y = a.copy(), b.copy()
        for actor in np.flatnonzero(swapped):
            x[actor], y[actor] = b[actor], a[actor]
        count += abs(median_gap(x.ravel(), y.ravel())) >= seen - 1e-12
    found = exchange_test(a.ravel().tolist(), b.ravel().tolist(), owners, median_gap)
    assert found.exact and found.p_value == count / 2**7 and found.smallest == 2**-6


def test_exchanging_means_is_the_test_of_signs() -> None:
    rng = np.random.default_rng(5)
    owners = [f"{i % 6}" for i in range(24)]
    a, b = rng.normal(0.3, 1, 24).tolist(), rng.normal(0, 1, 24).tolist()
    found = exchange_test(a, b, owners, lambda x, y: float(np.mean(x) - np.mean(y)))
    assert found == sign_flip_test([x - y for x, y in zip(a, b, strict=True)], owners)


@pytest.mark.slow
def test_drawn_exchanges_are_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    owners = [f"{i % 10}" for i in range(20)]
    a, b = rng.normal(0.5, 1, 20).tolist(), rng.normal(0, 1, 20).tolist()
    every = exchange_test(a, b, owners, median_gap)
    monkeypatch.setattr(permutation, "EXACT_EXCHANGES", 3)
    drawn = exchange_test(a, b, owners, median_gap)
    assert not drawn.exact and drawn.smallest == 1e-4
    assert drawn.p_value == pytest.approx(every.p_value, abs=0.02)
    assert drawn == exchange_test(a, b, owners, median_gap)


def test_pseudo_values_of_a_mean_are_the_actors_themselves() -> None:
    values = np.random.default_rng(2).normal(0.5, 1, 9)
    without = [float(np.delete(values, i).mean()) for i in range(9)]
    found = pseudo_value_test(float(values.mean()), without)
    expected = sign_flip_test(values.tolist(), [f"{i}" for i in range(9)])
    assert found.p_value == expected.p_value and found.smallest == 2**-8


def test_a_set_that_is_the_same_without_anyone_has_the_smallest_p_and_equal_ones_have_1() -> None:
    assert pseudo_value_test(2.0, [2.0] * 6).p_value == 2**-5
    assert pseudo_value_test(0.0, [0.0] * 6).p_value == 1


@pytest.mark.parametrize("values", [[], [float("nan")] * 3])
def test_sets_that_cannot_be_tested_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        pseudo_value_test(1.0, values)
    with pytest.raises(ValueError, match="finite"):
        exchange_test(values, values, ["a"] * len(values), median_gap)


def names(n: int) -> list[str]:
    return [f"{i:02d}" for i in range(n)]


@pytest.mark.parametrize(("n", "exact"), [(16, True), (17, False)])
def test_up_to_sixteen_actors_every_flip_is_tried(n: int, exact: bool) -> None:
    values = np.linspace(-1, 2, n).tolist()
    for found in (
        sign_flip_test(values, names(n), draws=99),
        swap_test(values, [0.1] * n, names(n), draws=99),
    ):
        assert (found.exact, found.n_actors) == (exact, n)
        assert found.smallest == (2.0 ** (1 - n) if exact else 1 / 100)
        assert found.p_value >= found.smallest


@pytest.mark.parametrize(("n", "exact"), [(12, True), (13, False)])
def test_up_to_twelve_actors_every_exchange_is_tried(n: int, exact: bool) -> None:
    values = np.linspace(-1, 2, n).tolist()
    found = exchange_test(values, [0.1] * n, names(n), lambda x, y: float(x[0] - y[0]), draws=9)
    assert (found.exact, found.smallest) == (exact, 2.0 ** (1 - n) if exact else 1 / 10)

"""Two systems on the same clips: against scipy, exact cases, and ties that are not transitive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thbench.statistics import paired
from thbench.statistics.intervals import Interval, mean_interval
from thbench.statistics.paired import (
    holm,
    paired_difference,
    paired_distance,
    ranks_with_ties,
    sign_flip_test,
    swap_test,
    tied,
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
    monkeypatch.setattr(paired, "EXACT_FLIPS", 0)
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


def test_holm_is_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.4]) == [0.4]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


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

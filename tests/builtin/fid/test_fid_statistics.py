"""Fréchet distance, KID, precision and recall: closed forms, stored peers' values, invariances."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from guards import some
from random_inception import REFERENCE, SETS, feature_set
from thbench.api import Clip, ClipFailure, Observed
from thbench_fid import frechet, neighbours
from thbench_fid.frames import FramePart, chosen, frame_parts
from thbench_fid.kid import kid, mmd2
from thbench_fid.moments import Moments, actor_moments, moments, pooled, summed

PEER = json.loads(REFERENCE.with_suffix(".json").read_text())["statistics"]
Features = NDArray[np.float64]


@pytest.fixture(scope="module")
def sets() -> tuple[Features, Features]:
    a, b = (feature_set(*s) for s in SETS)
    return a, b


def gaussian(n: int, d: int, seed: int, shift: float = 0.0) -> Features:
    return np.random.default_rng(seed).standard_normal((n, d)) + shift


# -- Fréchet distance ---------------------------------------------------------------------------


@pytest.mark.slow
def test_means_0_and_1_with_equal_covariance_give_2048() -> None:
    _is_the_dimension(2048)


def test_means_0_and_1_with_equal_covariance_give_the_dimension() -> None:
    _is_the_dimension(64)


def _is_the_dimension(d: int) -> None:
    unit = np.asfortranarray(np.triu(np.eye(d) * 9))
    zero = Moments(10, np.zeros(d), unit)  # covariance 9 / (10 - 1) = 1
    one = Moments(10, np.full(d, 10.0), np.triu(unit + 10 * np.ones((d, d))))
    assert frechet.fid_from_moments(zero, one) == pytest.approx(d, rel=1e-12)


def test_identical_sets_give_0(sets: tuple[Features, Features]) -> None:
    a, _ = sets
    assert frechet.fid_from_features(a, a) == pytest.approx(0, abs=1e-9)
    small = gaussian(500, 64, 1)
    assert frechet.fid_from_moments(moments(small), moments(small)) == pytest.approx(0, abs=1e-9)


def test_known_diagonal_covariances() -> None:
    """tr (S1 S2)^(1/2) of diagonals is the sum of sqrt(s1 s2)."""
    s1, s2 = np.arange(1.0, 9), np.arange(8.0, 0, -1)
    found = frechet.trace_from_covariances(np.diag(s1), np.diag(s2))
    assert found == pytest.approx(np.sqrt(s1 * s2).sum(), rel=1e-13)


def test_fid_equals_the_peers(sets: tuple[Features, Features]) -> None:
    """Both covariances are singular: the peers lose digits there, their mutual distance says how many."""
    value = frechet.fid_from_features(*sets)
    for peer in some(PEER["fid"].values()):
        assert value == pytest.approx(peer, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(40, 50), (40, 300), (200, 300)])
def test_moments_and_features_give_the_same(n: int, m: int) -> None:
    """Few, few against many, and many frames for 96 features."""
    mixing = gaussian(96, 96, 3) * np.exp(-np.arange(96) / 20)
    a, b = gaussian(n, 96, 1) @ mixing, gaussian(m, 96, 2, 0.1) @ mixing
    by_moments = frechet.fid_from_moments(moments(a), moments(b))
    assert by_moments == pytest.approx(frechet.fid_from_features(a, b), rel=1e-9)


def test_fid_is_symmetric_and_unmoved_by_rotation() -> None:
    a, b = gaussian(200, 32, 1), gaussian(180, 32, 2, 0.3)
    q = np.linalg.qr(gaussian(32, 32, 3))[0]
    value = frechet.fid_from_features(a, b)
    assert frechet.fid_from_features(b, a) == pytest.approx(value, rel=1e-12)
    assert frechet.fid_from_features(a @ q, b @ q) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("n", [0, 1])
def test_a_covariance_needs_two_frames(n: int) -> None:
    with pytest.raises(ClipFailure, match="needs 2"):
        frechet.fid_from_features(np.zeros((n, 4)), np.zeros((9, 4)))
    with pytest.raises(ClipFailure, match="needs 2"):
        frechet.fid_from_moments(moments(np.zeros((n, 4))), moments(np.zeros((9, 4))))


# -- moments ------------------------------------------------------------------------------------


def parts(n_clips: int) -> list[FramePart]:
    """Clips of two actors, alternating."""
    return [
        FramePart(Clip(f"c{i:02}", f"actor{i % 2}"), gaussian(5 + i, 16, i).astype(np.float32))
        for i in range(n_clips)
    ]


@pytest.mark.parametrize("block", [1, 7, 39, 40])
def test_blocks_of_a_long_clip_give_its_moments(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    x = gaussian(40, 6, 3).astype(np.float32)
    monkeypatch.setattr("thbench_fid.moments.BLOCK", block)
    found = moments(x)
    assert found.n == 40
    np.testing.assert_allclose(found.mean, x.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(x.astype(np.float64).T), rtol=1e-12)


def test_moments_are_means_and_covariances() -> None:
    x = gaussian(50, 16, 1, 3.0)
    found = moments(x)
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=1e-10, atol=1e-12)


def test_actors_add_up_to_the_set_and_can_be_left_out() -> None:
    by_actor = actor_moments(parts(6))
    assert sorted(by_actor) == ["actor0", "actor1"]
    everyone = pooled(by_actor)
    assert everyone.n == summed(parts(6)).n == sum(5 + i for i in range(6))
    np.testing.assert_allclose(everyone.outer, summed(parts(6)).outer, rtol=1e-13)
    alone = (everyone - by_actor["actor1"]).covariance
    np.testing.assert_allclose(alone, by_actor["actor0"].covariance, rtol=1e-12)
    together = by_actor["actor0"] + by_actor["actor1"]
    assert np.array_equal(together.outer, everyone.outer)


def test_pooling_leaves_the_parts_alone() -> None:
    by_actor = actor_moments(parts(4))
    before = by_actor["actor0"].outer.copy()
    pooled(by_actor)
    assert np.array_equal(by_actor["actor0"].outer, before)


def test_sums_are_bitwise_the_same_in_the_same_order() -> None:
    assert np.array_equal(summed(parts(6)).outer, summed(iter(parts(6))).outer)


def test_nothing_has_no_moments() -> None:
    for empty in (lambda: summed([]), lambda: pooled({})):
        with pytest.raises(ClipFailure, match="no clip was scored"):
            empty()


# -- KID, precision and recall ------------------------------------------------------------------


def test_kid_equals_the_peer(sets: tuple[Features, Features]) -> None:
    assert kid(*sets, subsets=20, size=250) == pytest.approx(PEER["kid"], rel=1e-9)


def test_kid_of_two_features_by_hand() -> None:
    """d = 1, k(x, y) = (xy + 1)^3: k(0,1) = k(0,2) = 1, k(1,2) = 27, k(1,1) = 8, k(2,2) = 125."""
    x, y = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    expected = 1 + 1 - 2 * (1 + 1 + 1 + 27) / 4
    assert mmd2(x, y) == pytest.approx(expected, rel=1e-14)


def test_kid_is_unbiased_about_0_and_grows_with_distance() -> None:
    same = kid(gaussian(1000, 16, 1), gaussian(1000, 16, 2), 10)
    near, far = (kid(gaussian(500, 16, 1), gaussian(500, 16, 2, s), 10) for s in (0.2, 0.5))
    assert abs(same) < 0.05 * near < near < far


def test_kid_needs_two_frames() -> None:
    with pytest.raises(ClipFailure, match="needs 2"):
        kid(np.zeros((1, 4)), np.zeros((9, 4)))


def test_precision_and_recall_equal_the_peer(sets: tuple[Features, Features]) -> None:
    found = neighbours.precision_recall(*sets)
    assert found == pytest.approx((PEER["precision"], PEER["recall"]), abs=1e-7)
    assert 0.05 < found[0] < 0.95, "a share of 0 or 1 proves nothing"


def test_precision_and_recall_by_hand() -> None:
    """On a line, k = 1: the reference's balls reach 1 around 0 and 1, and 9 around 10."""
    reference = np.array([[0.0], [1.0], [10.0]])
    generated = np.array([[0.5], [-3.0], [-3.5], [2.0]])
    precision, recall = neighbours.precision_recall(generated, reference, k=1)
    assert precision == 0.5  # 0.5 and 2 lie in a ball, -3 and -3.5 do not
    assert recall == 2 / 3  # balls of 1.5 around 0.5 and 2, 0.5 around -3 and -3.5: 10 is outside


def test_a_set_covers_itself_even_where_frames_repeat() -> None:
    """Frozen frames: the radius is 0, and rounding must not throw a frame out of its own ball."""
    x = np.repeat(feature_set(12, 3, 0.0), 6, axis=0)
    assert neighbours.precision_recall(x, x) == (1.0, 1.0)


def test_blocks_change_no_distance() -> None:
    x, y = gaussian(37, 8, 1), gaussian(23, 8, 2)
    whole = np.concatenate(list(neighbours.squared_distances(x, y)))
    expected = ((x[:, None] - y) ** 2).sum(-1)
    for block in (1, 5, 36, 37):
        found = np.concatenate(list(neighbours.squared_distances(x, y, block)))
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    for columns in (1, 5, 22, 23):
        found = np.concatenate(list(neighbours.squared_distances(x, y, 36, columns)))
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(whole, expected, rtol=1e-10)


def test_no_more_than_a_few_blocks_of_distances_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten minutes all of them would be 1.8 GB."""
    x = gaussian(2600, 4, 1)
    monkeypatch.setattr(neighbours, "DISTANCES", 100 * len(x))
    tracemalloc.start()
    try:
        neighbours.precision_recall(x, x)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 6 * 8 * 100 * len(x)


def test_neighbours_need_more_frames_than_k() -> None:
    with pytest.raises(ClipFailure, match="need 4"):
        neighbours.precision_recall(np.zeros((3, 4)), np.zeros((9, 4)))


# -- which frames -------------------------------------------------------------------------------

COUNTS = [(f"clip{i}", 40 + i) for i in range(30)]


def test_max_frames_takes_exactly_so_many_and_all_when_there_are_fewer() -> None:
    total = sum(n for _, n in COUNTS)
    assert sum(map(len, chosen(COUNTS, 500))) == 500
    assert sum(map(len, chosen(COUNTS, total + 1))) == total
    assert sum(map(len, chosen(COUNTS, 0))) == total


def test_the_choice_depends_on_no_order_and_hardly_on_missing_clips() -> None:
    kept = dict(zip([c for c, _ in COUNTS], chosen(COUNTS, 500), strict=True))
    backwards = chosen(COUNTS[::-1], 500)
    assert all(
        np.array_equal(kept[c], k) for (c, _), k in zip(COUNTS[::-1], backwards, strict=True)
    )
    fewer = chosen(COUNTS[1:], 500)  # a clip is missing: others fill up, none is dropped
    assert all(set(kept[c]) <= set(k) for (c, _), k in zip(COUNTS[1:], fewer, strict=True))


def test_the_choice_is_spread_evenly() -> None:
    share = np.array([len(k) / n for k, (_, n) in zip(chosen(COUNTS, 800), COUNTS, strict=True)])
    assert share.mean() == pytest.approx(800 / sum(n for _, n in COUNTS), rel=0.05)
    assert share.min() > 0.3 and share.max() < 0.8


def test_the_rule_never_changes() -> None:
    """Stored choice: another rule would be another metric version."""
    assert [k.tolist() for k in chosen([("a", 6), ("b", 6)], 5)] == [CHOSEN_A, CHOSEN_B]


CHOSEN_A = [0, 4]
CHOSEN_B = [1, 2, 3]


def test_features_load_lazily_and_only_where_frames_are_chosen() -> None:
    class Counting(dict[str, NDArray[np.float32]]):
        loads = 0

        def __getitem__(self, key: str) -> NDArray[np.float32]:
            Counting.loads += 1
            return super().__getitem__(key)

    observed = [
        Observed(Clip(c, "x"), {"n": float(n)}, Counting(features=np.ones((n, 3), np.float32)))
        for c, n in COUNTS
    ]
    stream = frame_parts(observed, "n", max_frames=5)
    assert Counting.loads == 0
    assert sum(len(part.features) for part in stream) == 5
    assert Counting.loads <= 5


def test_memory_of_a_sum_does_not_grow_with_frames() -> None:
    def peak(n_clips: int) -> int:
        tracemalloc.start()
        summed(
            FramePart(Clip(f"c{i}", "a"), np.ones((50, 128), np.float32)) for i in range(n_clips)
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # imports and caches of the libraries are no part of it
    assert peak(200) < 1.1 * peak(10)

"""KID of unequal and tiny sets, against sums written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from thbench.api import ClipFailure
from thbench_fid.kid import SEED, SUBSET_SIZE, SUBSETS, kernel, kid, mmd2, off_diagonal


def sets(n: int, m: int, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n * 100 + m)
    return rng.normal(0, 1, (n, d)), rng.normal(0.4, 1.3, (m, d))


def mmd2_by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """Binkowski et al. 2018, eq. 4, pair by pair."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((sum(i * j for i, j in zip(a, b, strict=True)) / len(a) + 1) ** 3)

    m = len(x)
    within = sum(k(s[i], s[j]) for s in (x, y) for i, j in itertools.permutations(range(m), 2))
    across = sum(k(a, b) for a in x for b in y)
    return within / (m * (m - 1)) - 2 * across / m**2


@pytest.mark.parametrize("n", [2, 3, 9])
def test_mmd_is_the_sum_over_pairs(n: int) -> None:
    x, y = sets(n, n)
    assert mmd2(x, y) == pytest.approx(mmd2_by_hand(x, y), rel=1e-12)


@pytest.mark.parametrize(("n", "m", "size"), [(4, 9, 100), (9, 4, 100), (9, 8, 5), (8, 8, 5)])
def test_kid_of_unequal_sets_is_the_mean_over_drawn_subsets(n: int, m: int, size: int) -> None:
    """Drawn as torch-fidelity draws them: one RandomState, generated then reference, without replacement."""
    x, y = sets(n, m)
    rng = np.random.RandomState(SEED)
    drawn = min(n, m, size)
    expected = []
    for _ in range(6):
        i = rng.choice(n, drawn, replace=False)
        j = rng.choice(m, drawn, replace=False)
        expected.append(mmd2_by_hand(x[i], y[j]))
    assert kid(x, y, subsets=6, size=size) == pytest.approx(np.mean(expected), rel=1e-12)
    assert np.ptp(expected) > 1e-3, "every subset gives the same: nothing is tested"


def test_kid_of_two_frames_and_of_one() -> None:
    x, y = sets(2, 2)
    assert kid(x, y) == pytest.approx(mmd2_by_hand(x, y), rel=1e-12)
    with pytest.raises(ClipFailure, match="1 frames, KID needs 2"):
        kid(x, y[:1])
    with pytest.raises(ClipFailure, match="0 frames, KID needs 2"):
        kid(x[:0], y)


def test_defaults_are_those_of_torch_fidelity() -> None:
    assert (SUBSETS, SUBSET_SIZE, SEED) == (100, 1000, 2020)


def test_the_kernel_and_the_sum_beside_its_diagonal() -> None:
    x, y = sets(3, 2)
    assert kernel(x, y) == pytest.approx((x @ y.T / 5 + 1) ** 3, rel=1e-12)
    k = np.arange(9.0).reshape(3, 3)
    assert off_diagonal(k) == 36 - 12

"""Unequal, tiny and ill-conditioned sets, against sums written out and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from thbench.api import ClipFailure
from thbench_fid.frechet import (
    fid_from_features,
    fid_from_moments,
    trace_from_covariances,
    trace_from_features,
)
from thbench_fid.kid import SEED, kid, mmd2
from thbench_fid.moments import moments


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


def rotated(variances: np.ndarray, seed: int) -> np.ndarray:
    basis = stats.ortho_group.rvs(len(variances), random_state=seed)
    s = basis @ np.diag(variances) @ basis.T
    return (s + s.T) / 2


@pytest.mark.parametrize("smallest", [1.0, 1e-5, 1e-8])
def test_trace_of_ill_conditioned_covariances_that_commute(smallest: float) -> None:
    """tr (S^2)^(1/2) = tr S in one basis; roots of eigenvalues alone would be off by 1e-8 each."""
    variances = np.full(60, smallest)
    variances[:2] = 3.0, 2.0
    s = rotated(variances, 1)
    assert trace_from_covariances(s, s) == pytest.approx(variances.sum(), rel=1e-12)
    both = trace_from_covariances(s, 4 * s)
    assert both == pytest.approx(2 * variances.sum(), rel=1e-12)


def test_trace_of_covariances_that_share_no_direction_is_nothing() -> None:
    a, b = np.diag([1.0, 2.0, 0.0, 0.0]), np.diag([0.0, 0.0, 3.0, 1.0])
    assert trace_from_covariances(a, b) == pytest.approx(0.0, abs=1e-15)
    assert trace_from_covariances(np.zeros((4, 4)), b) == 0.0


@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 7), (7, 2), (3, 40), (40, 40)])
def test_fid_of_unequal_and_tiny_sets_both_ways(n: int, m: int) -> None:
    """Fewer frames than the 5 features too: covariances are singular then."""
    x, y = sets(n, m)
    cx, cy = np.cov(x.T), np.cov(y.T)
    nuclear = np.linalg.norm(
        (x - x.mean(0)) @ (y - y.mean(0)).T / np.sqrt((n - 1) * (m - 1)), "nuc"
    )
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(cx) + np.trace(cy) - 2 * nuclear
    assert fid_from_features(x, y) == pytest.approx(expected, rel=1e-10)
    assert fid_from_moments(moments(x), moments(y)) == pytest.approx(expected, rel=1e-10)
    assert trace_from_features(x - x.mean(0), y - y.mean(0)) == pytest.approx(nuclear, rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 11])
def test_covariance_is_that_of_numpy_from_two_frames_on(n: int) -> None:
    x, _ = sets(n, n)
    assert moments(x).covariance == pytest.approx(np.cov(x.T), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_frames_have_no_covariance(n: int) -> None:
    x, y = sets(n, 5)
    says = f"{n} frames, a covariance needs 2"
    with pytest.raises(ClipFailure, match=says):
        _ = moments(x).covariance
    with pytest.raises(ClipFailure, match=says):
        fid_from_features(x, y)
    with pytest.raises(ClipFailure, match=says):
        fid_from_features(y, x)

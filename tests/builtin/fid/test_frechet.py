"""The Fréchet distance of unequal, tiny and ill-conditioned sets, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thbench.api import ClipFailure
from thbench_fid.frechet import (
    factor,
    fid_from_features,
    fid_from_moments,
    trace_from_covariances,
    trace_from_features,
)
from thbench_fid.moments import moments


def sets(n: int, m: int, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n * 100 + m)
    return rng.normal(0, 1, (n, d)), rng.normal(0.4, 1.3, (m, d))


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


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_frames_are_refused_on_either_side(n: int) -> None:
    x, y = sets(n, 5)
    says = f"{n} frames, a covariance needs 2"
    with pytest.raises(ClipFailure, match=says):
        fid_from_features(x, y)
    with pytest.raises(ClipFailure, match=says):
        fid_from_features(y, x)


@pytest.mark.parametrize("rank", [0, 1, 3, 6])
def test_a_factor_has_as_many_columns_as_the_matrix_has_directions(rank: int) -> None:
    x = np.random.default_rng(rank).normal(size=(rank, 6))
    s = x.T @ x
    f = factor(s)
    assert f.shape == (6, rank)
    assert f @ f.T == pytest.approx(s, rel=1e-10, abs=1e-12)


def test_the_same_set_is_at_distance_zero_and_never_below() -> None:
    for n in (3, 20):
        x, _ = sets(n, n)
        assert 0 <= fid_from_features(x, x) < 1e-10
        assert 0 <= fid_from_moments(moments(x), moments(x)) < 1e-10

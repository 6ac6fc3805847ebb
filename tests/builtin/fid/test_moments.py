"""Moments of tiny sets, added, taken apart and pooled, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.api import Clip, ClipFailure
from thbench_fid.frames import FramePart
from thbench_fid.moments import actor_moments, added, moments, pooled, summed


def sets(n: int, m: int, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n * 100 + m)
    return rng.normal(0, 1, (n, d)), rng.normal(0.4, 1.3, (m, d))


@pytest.mark.parametrize("n", [2, 3, 11])
def test_covariance_is_that_of_numpy_from_two_frames_on(n: int) -> None:
    x, _ = sets(n, n)
    assert moments(x).covariance == pytest.approx(np.cov(x.T), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_frames_have_no_covariance(n: int) -> None:
    x, _ = sets(n, 5)
    says = f"{n} frames, a covariance needs 2"
    with pytest.raises(ClipFailure, match=says):
        _ = moments(x).covariance


def parts() -> list[FramePart]:
    """Clips of two actors that take turns."""
    x, y = sets(4, 6)
    cut = [("a", x[:1]), ("b", y[:3]), ("a", x[1:4]), ("b", y[3:])]
    return [FramePart(Clip(f"c{i}", actor), f) for i, (actor, f) in enumerate(cut)]


def same(found: object, features: np.ndarray) -> None:
    """The moments of these features, in the triangle that is filled."""
    expected = moments(features)
    assert found.n == expected.n == len(features)  # type: ignore[attr-defined]
    assert found.total == pytest.approx(features.sum(0))  # type: ignore[attr-defined]
    assert np.triu(found.outer) == pytest.approx(np.triu(features.T @ features))  # type: ignore[attr-defined]


def test_every_actor_has_the_sum_of_their_clips() -> None:
    x, y = sets(4, 6)
    found = actor_moments(parts())
    assert list(found) == ["a", "b"]
    same(found["a"], x)
    same(found["b"], y)


def test_sums_and_pools_are_the_whole_set_and_one_can_be_taken_out() -> None:
    x, y = sets(4, 6)
    both = np.concatenate([x, y])
    same(summed(parts()), both)
    found = actor_moments(parts())
    whole = pooled(found)
    same(whole, both)
    same(found["a"] + found["b"], both)
    same(whole - found["a"], y)
    same(found["a"], x)  # pooling changed nothing
    same(added(moments(x), y), both)
    same(added(moments(x), y[:0]), x)
    assert whole.mean == pytest.approx(both.mean(0))


def test_nothing_has_no_moments() -> None:
    with pytest.raises(ClipFailure, match="no clip was scored"):
        summed([])
    with pytest.raises(ClipFailure, match="no clip was scored"):
        pooled({})

"""Landmarks in the plane: the similarity of nose and eyes against scikit-image, the distance of the eyes by hand."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from thbench_landmarks.alignment import FACE, MOUTH, RIGID, aligned, as_plane, eye_distance

P, Q = np.random.default_rng(3).normal(100, 30, (2, 4, 68, 2))


def test_parts_of_the_ibug_order() -> None:
    assert (slice(48, 68), slice(0, 68), slice(27, 48)) == (MOUTH, FACE, RIGID)


def test_points_become_numbers_and_nan_stays() -> None:
    points = P.astype(np.float32).copy()
    points[2] = np.nan
    plane = as_plane(points)
    assert plane.shape == (4, 68) and plane.dtype == np.complex128
    assert plane.real[:2] == pytest.approx(points[:2, :, 0])
    assert plane.imag[:2] == pytest.approx(points[:2, :, 1])
    assert np.isnan(plane[2]).all()


def test_the_distance_of_the_eyes_is_that_of_their_middles() -> None:
    expected = np.linalg.norm(P[:, 36:42].mean(1) - P[:, 42:48].mean(1), axis=-1)
    assert eye_distance(as_plane(P)) == pytest.approx(expected)


def test_nose_and_eyes_decide_the_similarity() -> None:
    p, q = as_plane(P), as_plane(Q)
    found = aligned(p, q)
    for t in range(4):
        turn = SimilarityTransform.from_estimate(P[t, RIGID], Q[t, RIGID])
        assert as_plane(turn(P[t])) == pytest.approx(found[t], rel=1e-9)
    moved = q.copy()
    moved[:, :27] += 50
    moved[:, 48:] -= 70
    assert np.array_equal(aligned(p, moved), found)


def test_equal_points_stay_exactly_where_they_are() -> None:
    p = as_plane(P)
    assert aligned(p, p) == pytest.approx(p, rel=1e-14)


def test_a_turned_larger_face_comes_back_and_a_frame_without_a_face_stays_unknown() -> None:
    q = as_plane(P)
    p = (2 - 1j) * q + 30 - 8j
    p[1] = np.nan
    found = aligned(p, q)
    assert found[[0, 2, 3]] == pytest.approx(q[[0, 2, 3]], rel=1e-9)
    assert np.isnan(found[1]).all()

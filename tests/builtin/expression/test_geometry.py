"""Rotations, similarities and head angles against scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from guards import some
from thbench.api import ClipFailure
from thbench_expression.flat_pose import DEPTH, RIGID, flat_pose, flat_shape
from thbench_expression.geometry import angles, kabsch, mean_shape, rotations, similarity
from thbench_expression.pose import distance, relative_pose, steps, widths
from thbench_puppet.actors import ACTORS
from thbench_puppet.landmarks import landmarks_of
from thbench_puppet.names import all_clips
from thbench_puppet.scene import scene, truth
from thbench_puppet.warp import Warp, _depth


@pytest.fixture
def body() -> np.ndarray:
    return np.random.default_rng(4).normal(size=(24, 3))


def turned(body: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """[T, 24, 3] under pitch up, yaw right, roll clockwise in degrees, by scipy: R = Rz Ry Rx, x right, y down."""
    zyx = np.stack([pose[:, 2], -pose[:, 1], -pose[:, 0]], axis=1)
    matrices = Rotation.from_euler("ZYX", zyx, degrees=True).as_matrix()
    return np.einsum("tij,nj->tni", matrices, body)


def test_kabsch_is_scipys_align_vectors(body: np.ndarray) -> None:
    target = turned(body, np.array([[12.0, -33.0, 71.0]]))[0]
    target = target + np.random.default_rng(5).normal(0, 0.2, target.shape) + [3, -9, 1]
    expected, _ = Rotation.align_vectors(target - target.mean(axis=0), body - body.mean(axis=0))
    np.testing.assert_allclose(kabsch(body, target), expected.as_matrix(), atol=1e-12)


def test_a_mirrored_body_is_not_turned_into_its_image(body: np.ndarray) -> None:
    found = kabsch(body, body * [-1, 1, 1])
    assert np.linalg.det(found) == pytest.approx(1)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_similarity_leaves_what_procrustes_leaves(dimensions: int) -> None:
    rng = np.random.default_rng(6)
    source = rng.normal(size=(10, dimensions))
    target = 1.7 * source @ np.linalg.qr(rng.normal(size=(dimensions,) * 2))[0] + 4
    if (
        np.linalg.det(
            np.linalg.lstsq(source - source.mean(0), target - target.mean(0), rcond=None)[0]
        )
        < 0
    ):
        target[:, 0] = -target[:, 0]
    target = target + rng.normal(0, 0.05, target.shape)
    move = similarity(source, target)
    left = np.square(move(source) - target).sum() / np.square(target - target.mean(axis=0)).sum()
    assert left == pytest.approx(procrustes(target, source)[2], rel=1e-9)


def test_angles_have_the_signs_of_the_puppets(body: np.ndarray) -> None:
    pose = np.array([[10.0, -20.0, 5.0], [-3.0, 4.0, 30.0], [0.0, 0.0, 0.0]])
    points = 40 * turned(body, pose) + [100, 90, 0]
    np.testing.assert_allclose(angles(rotations(points, body)), pose, atol=1e-9)
    nose = np.array([[0.0, 0.0, -1.0]])  # towards the camera
    assert turned(nose, np.array([[10.0, 0, 0]]))[0, 0, 1] < 0  # up in the picture
    assert turned(nose, np.array([[0, 10.0, 0]]))[0, 0, 0] > 0  # to its right


def test_the_mean_shape_takes_neither_size_nor_place_nor_turn_into_it(body: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    pose = rng.normal(0, 8, (60, 3))
    points = rng.uniform(0.8, 1.2, (60, 1, 1)) * turned(body, pose) + rng.normal(0, 5, (60, 1, 3))
    shape = mean_shape(points)
    assert procrustes(shape, body)[2] < 1e-12
    found = relative_pose(points, shape)
    np.testing.assert_allclose(found.std(axis=0), pose.std(axis=0), rtol=0.05)
    assert np.abs(found.mean(axis=0)).max() < 0.5


def test_unknown_frames_stay_unknown(body: np.ndarray) -> None:
    pose = np.stack([np.arange(6.0)] * 3, axis=1)
    points = turned(body, pose)
    points[3] = np.nan
    found = relative_pose(points, body)
    assert np.isnan(found[3]).all() and np.isfinite(found[[0, 1, 2, 4, 5]]).all()
    np.testing.assert_allclose(steps(found), 1.0, rtol=1e-9)  # 2 to 4 is no step
    np.testing.assert_allclose(widths(found), np.std([0, 1, 2, 4, 5]), rtol=1e-9)
    assert distance(found, pose + 2) == pytest.approx(2.0)


def test_nothing_to_compare_has_a_reason() -> None:
    alternating = np.full((6, 3), np.nan)
    alternating[::2] = 0
    with pytest.raises(ClipFailure, match="no two neighbouring frames"):
        steps(alternating)
    with pytest.raises(ClipFailure, match="in both videos"):
        distance(alternating, np.roll(alternating, 1, axis=0))


# -- drawn heads ------------------------------------------------------------------------------------


def test_the_depths_are_the_mean_of_the_cast() -> None:
    found = []
    for name in ACTORS[::3]:
        clip = next(c.id for c in all_clips() if c.actor == name)
        seen = scene(clip)
        still = np.zeros(seen.score.n_frames)
        motion = replace(
            seen.motion, yaw=still, pitch=still, roll=still, shift_x=still, shift_y=still
        )
        face = seen.score.actor.face
        points = landmarks_of(seen.score, motion, seen.mouth, Warp(face, motion, seen.mouth.jaw))
        io = np.linalg.norm(points[:, 36:42].mean(axis=1) - points[:, 42:48].mean(axis=1), axis=-1)
        depth = _depth(face, points.astype(np.float32))[:, list(RIGID)]
        found.append((depth / io[:, None]).mean(axis=0))
    np.testing.assert_allclose(np.mean(found, axis=0), DEPTH, atol=0.02)


def test_the_pose_of_puppets_from_their_exact_landmarks() -> None:
    """Within half a degree of the angles that were drawn, at any size."""
    for clip in some(all_clips()[::900]):
        annotations = truth(scene(clip.id), 64)
        points = annotations["landmarks"].astype(np.float64)
        true = annotations["head_pose"][:, [1, 0, 2]].astype(np.float64)  # pitch, yaw, roll
        found = flat_pose(points, flat_shape(points))
        apart = (found - found.mean(axis=0)) - (true - true.mean(axis=0))
        assert np.abs(apart).mean(axis=0).max() < 0.5, clip.id
        for i in range(3):
            assert np.corrcoef(found[:, i], true[:, i])[0, 1] > 0.99, (clip.id, i)
        np.testing.assert_allclose(flat_pose(3 * points + 9, flat_shape(points)), found, atol=1e-9)


def test_flat_pose_leaves_unknown_frames_unknown() -> None:
    points = truth(scene("1017_IOM_FEA_XX"), 64)["landmarks"].astype(np.float64)
    points[3] = np.nan
    found = flat_pose(points, flat_shape(points))
    assert np.isnan(found[3]).all() and np.isfinite(np.delete(found, 3, axis=0)).all()

"""How a head turns over a clip, as pure functions of its angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure
from thbench_expression.geometry import angles, mean_shape, rotations

__all__ = ["ANGLES", "FEWEST", "distance", "relative_pose", "steps", "widths"]

Pose = NDArray[np.float64]
"""[T, 3] pitch, yaw, roll in degrees, NaN where unknown."""
ANGLES = ("pitch", "yaw", "roll")
FEWEST = 25
"""Frames a clip needs: a second."""


def relative_pose(points: NDArray[np.float64], shape: NDArray[np.float64]) -> Pose:
    """[T, 3] angles of the rotation from `shape` [N, 3] to the rigid points [T, N, 3]; frames of NaN stay NaN."""
    known = np.isfinite(points).all(axis=(1, 2))
    pose = np.full((len(points), 3), np.nan)
    if known.any():
        pose[known] = angles(rotations(points[known], shape))
    return pose


def shape_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, 3] mean shape of the known frames of [T, N, 3]."""
    known = np.isfinite(points).all(axis=(1, 2))
    return mean_shape(points[known])


def widths(pose: Pose) -> NDArray[np.float64]:
    """[3] standard deviation of each angle over the known frames, degrees."""
    return np.asarray(np.nanstd(pose, axis=0))


def steps(pose: Pose) -> NDArray[np.float64]:
    """[3] mean |change| of each angle between neighbouring frames that are both known, degrees per frame.

    Raises ClipFailure where there is no such pair.
    """
    moved = np.abs(np.diff(pose, axis=0))
    moved = moved[np.isfinite(moved).all(axis=1)]
    if not len(moved):
        raise ClipFailure("no two neighbouring frames with a face")
    return np.asarray(moved.mean(axis=0))


def distance(a: Pose, b: Pose) -> float:
    """Mean |difference| over the three angles and the frames known in both, degrees. Raises ClipFailure."""
    n = min(len(a), len(b))
    apart = np.abs(a[:n] - b[:n])
    apart = apart[np.isfinite(apart).all(axis=1)]
    if not len(apart):
        raise ClipFailure("no frame with a face in both videos")
    return float(apart.mean())

"""Head pose from 68 flat landmarks of drawn faces whose depth is known: linear least squares.

A puppet's head turns by moving every point by its depth times the sine of the angle (thbench_puppet.warp),
so that pose follows in closed form from points and depths. Real heads are no puppets: for them the mesh
has depths of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEPTH", "RIGID", "flat_pose", "flat_shape"]

RIGID = (0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45)
"""Landmarks that neither speech nor blinks move: upper ends of the jaw line, nose, corners of the eyes."""
DEPTH = np.array(
    [0.409, 0.414, 0.417, 0.417, 0.414, 0.409, 1.052, 1.107, 1.177, 1.219, 1.075, 1.124, 1.135, 1.124, 1.075,
     0.770, 1.008, 1.008, 0.770]
)  # fmt: skip
"""[19] mean depth over the cast of the `RIGID` landmarks, in interocular distances (a test computes it anew)."""


def flat_shape(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """[19, 2] mean place of the rigid landmarks over the known frames of [T, 68, 2], in interocular distances."""
    known = points[np.isfinite(points).all(axis=(1, 2))]
    eyes = known[:, 42:48].mean(axis=(0, 1)) - known[:, 36:42].mean(axis=(0, 1))
    shape = known[:, list(RIGID)].mean(axis=0)
    return np.asarray((shape - shape.mean(axis=0)) / np.linalg.norm(eyes))


def flat_pose(points: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, 3] pitch upwards, yaw to the picture's right, roll clockwise, degrees, relative to `shape`.

    Least squares of p = s Q(roll) (x + z (sin yaw, -sin pitch)) + t over the rigid landmarks: linear in s cos
    roll, s sin roll, t and s Q(roll) (sin yaw, -sin pitch). Frames of NaN stay NaN.

    Args:
        points: [T, 68, 2] pixels, iBUG order. shape: [19, 2] of `flat_shape`.
    """
    seen = points[:, list(RIGID)]
    solve = np.linalg.pinv(_equations(shape))  # [6, 38]
    a, b, _, _, u, v = solve @ seen.reshape(len(seen), -1).T
    roll, scale = np.arctan2(b, a), np.hypot(a, b)
    c, s = np.cos(roll), np.sin(roll)
    right, down = (c * u + s * v) / scale, (c * v - s * u) / scale
    angles = [-np.arcsin(np.clip(down, -1, 1)), np.arcsin(np.clip(right, -1, 1)), roll]
    return np.asarray(np.degrees(np.stack(angles, axis=1)))


def _equations(shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """[38, 6] of a, b, t_x, t_y, u, v: x = a X - b Y + t_x + z u, y = b X + a Y + t_y + z v."""
    rows = np.zeros((len(shape), 2, 6))
    rows[:, 0, :2] = shape * [1, -1]
    rows[:, 1, 0], rows[:, 1, 1] = shape[:, 1], shape[:, 0]
    rows[:, [0, 1], [2, 3]] = 1
    rows[:, 0, 4] = rows[:, 1, 5] = DEPTH
    return rows.reshape(-1, 6)

"""Rotations and similarities between sets of corresponding points, by singular values (Kabsch 1976, Umeyama 1991)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Similarity", "angles", "kabsch", "mean_shape", "rotations", "similarity"]

Points = NDArray[np.float64]
"""[..., N, D]; D is 2 or 3."""

ROUNDS = 5
"""Of generalised Procrustes analysis: the mean of a head's shape moves by less than 1e-6 after three."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale * rotation @ x + shift."""

    scale: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def __call__(self, points: Points) -> Points:
        """[..., D] moved."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)


def kabsch(source: Points, target: Points) -> NDArray[np.float64]:
    """[D, D] proper rotation R that minimises sum_i |R (s_i - mean s) - (t_i - mean t)|^2.

    Args:
        source, target: [N, D], finite, in correspondence.
    """
    rotation, _ = _rotation(source - source.mean(axis=0), target - target.mean(axis=0))
    return rotation


def similarity(source: Points, target: Points) -> Similarity:
    """The least-squares similarity from `source` to `target`, both [N, D] (Umeyama 1991, eq. 39-42)."""
    s, t = source.mean(axis=0), target.mean(axis=0)
    rotation, strength = _rotation(source - s, target - t)
    scale = strength / float(np.square(source - s).sum())
    return Similarity(scale, rotation, t - scale * rotation @ s)


def _rotation(source: Points, target: Points) -> tuple[NDArray[np.float64], float]:
    """R of centred points, and tr(D S): what the scale is made of."""
    u, values, vt = np.linalg.svd(target.T @ source)
    signs = np.ones(len(values))
    signs[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))  # a reflection is no rotation
    return np.asarray(u @ (signs[:, None] * vt)), float((values * signs).sum())


def mean_shape(points: Points) -> Points:
    """[N, D] mean shape of a rigid body seen in T poses [T, N, D]: generalised Procrustes analysis (Gower 1975).

    Its orientation is the mean one of the frames, its size and place those of the first.

    Args:
        points: finite; T >= 1.
    """
    shape = points[0]
    for _ in range(ROUNDS):
        aligned = np.stack([similarity(p, shape)(p) for p in points])
        shape = similarity(aligned.mean(axis=0), shape)(aligned.mean(axis=0))
    turned = rotations(points, shape)
    u, _, vt = np.linalg.svd(turned.mean(axis=0))  # the rotation nearest to the mean (chordal)
    middle = u @ np.diag([1.0] * (len(u) - 1) + [np.linalg.det(u @ vt)]) @ vt
    centre = shape.mean(axis=0)
    return np.asarray((shape - centre) @ middle.T + centre)


def rotations(points: Points, shape: Points) -> NDArray[np.float64]:
    """[T, D, D] rotation from `shape` [N, D] to each frame of [T, N, D]."""
    return np.stack([kabsch(shape, p) for p in points])


def angles(turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, 3] pitch, yaw, roll in degrees of [T, 3, 3] R = Rz Ry Rx.

    In the picture's axes (x right, y down, z away from the camera) a turn about z is clockwise and the
    nose lies at negative z. Signs: pitch positive upwards, yaw to the picture's right, roll clockwise.
    """
    pitch = np.arctan2(turned[:, 2, 1], turned[:, 2, 2])
    yaw = -np.arcsin(np.clip(turned[:, 2, 0], -1, 1))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    return np.asarray(np.degrees(np.stack([-pitch, -yaw, roll], axis=1)))

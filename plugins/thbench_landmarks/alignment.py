"""Landmarks as complex numbers, x + iy, where a similarity is one multiplication and one addition."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FACE", "MOUTH", "RIGID", "Plane", "aligned", "as_plane", "eye_distance"]

Plane: TypeAlias = NDArray[np.complex128]
"""[..., 68] x + iy in pixels, iBUG order."""

MOUTH, FACE, RIGID = slice(48, 68), slice(0, 68), slice(27, 48)
"""Lips; all; nose and eyes, which speech does not move."""
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)


def as_plane(landmarks: NDArray[np.floating]) -> Plane:
    """[..., 68, 2] -> [..., 68] complex; NaN stays NaN."""
    points = landmarks.astype(np.float64)
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def eye_distance(points: Plane) -> NDArray[np.float64]:
    """[...] interocular distance in pixels: from the mean of points 36..41 to that of 42..47."""
    return np.abs(points[..., _RIGHT_EYE].mean(-1) - points[..., _LEFT_EYE].mean(-1))


def aligned(points: Plane, target: Plane) -> Plane:
    """`points` under the similarity (turn, scale, shift; no mirror) that brings nose and eyes nearest to `target`'s.

    Least squares over points 27..47 (Umeyama 1991, in two dimensions). points, target: [..., 68].
    """
    p, q = points[..., RIGID], target[..., RIGID]
    p_middle, q_middle = p.mean(-1, keepdims=True), q.mean(-1, keepdims=True)
    a, b = p - p_middle, q - q_middle
    # in real numbers, so that equal points give exactly 1 and stay exactly where they are
    along = (a.real * b.real + a.imag * b.imag).sum(-1)
    across = (a.real * b.imag - a.imag * b.real).sum(-1)
    length = (a.real * a.real + a.imag * a.imag).sum(-1)
    with np.errstate(invalid="ignore"):  # NaN, a frame without a face, stays NaN
        turn = (along / length + 1j * (across / length))[..., None]
    return np.asarray(turn * points + (q_middle - turn * p_middle))

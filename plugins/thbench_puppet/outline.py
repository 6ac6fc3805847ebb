"""The outline of a face: jaw and skull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Face


def jaw_line(face: Face, n: int = 17) -> NDArray[np.float64]:
    """[n, 2] from the picture's left ear over the chin to the right ear, evenly spaced."""
    angle = np.linspace(0, np.pi, 721)
    power = 2 / face.squareness
    across, down = np.abs(np.cos(angle)) ** power, np.sin(angle) ** power
    x = -np.sign(np.cos(angle)) * face.half_width * across * (1 - face.taper * down**2)
    y = face.eye_y + (face.chin_y - face.eye_y) * down
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    where = np.linspace(0, length[-1], n)
    return np.stack([np.interp(where, length, x), np.interp(where, length, y)], axis=1)


def face_outline(face: Face) -> NDArray[np.float64]:
    """[n, 2] jaw, and the skull above it."""
    angle = np.linspace(0, np.pi, 40)[1:-1]
    height = face.eye_y - face.crown_y
    skull_x = face.half_width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.86
    skull = np.stack([skull_x, face.eye_y - height * np.sin(angle) ** 0.95], axis=1)
    return np.concatenate([jaw_line(face, 81), skull])

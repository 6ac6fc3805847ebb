"""How a frame's head moves against the portrait: one map for pixels, its inverse for points.

Points are in face coordinates (canvas.py). `to_portrait` says which
point of the still portrait is seen at a point of the frame; `to_frame` is its exact inverse, found
by fixed-point iteration, so that landmarks lie where the pixels went.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Face
from thbench_puppet.motion import Motion

Points = NDArray[np.float32]
"""[T, N, 2], or [T, rows, columns, 2]."""
PIVOT_Y = 0.62
"""The head turns about the neck."""
ITERATIONS = 8


@dataclass(frozen=True, eq=False)
class Warp:
    """The movements of all frames of a clip; `jaw` [T] is how far the chin is lowered."""

    face: Face
    motion: Motion
    jaw: NDArray[np.float64]

    def to_portrait(self, points: Points) -> Points:
        """Where in the portrait the frames' `points` come from."""
        head = self._unturned(self._unmoved(points))
        return self._closed(head)

    def to_frame(self, points: Points, jaw: bool = False) -> Points:
        """Where the frames show the portrait's `points` ([T, N, 2]); with `jaw` they hang on the chin."""
        back = self.to_portrait if jaw else lambda p: self._unturned(self._unmoved(p))
        found = points
        for _ in range(3 * ITERATIONS if jaw else ITERATIONS):
            found = found - (back(found) - points)
        return found

    def _per_frame(self, values: NDArray[np.float64], like: Points) -> NDArray[np.float32]:
        return values.astype(np.float32).reshape(-1, *(1,) * (like.ndim - 2))

    def _unmoved(self, p: Points) -> Points:
        """Undo roll and shift; both fade out over the shoulders and towards the picture's edge."""
        roll = self._per_frame(np.deg2rad(self.motion.roll), p)
        x = p[..., 0] - self._per_frame(self.motion.shift_x, p)
        y = p[..., 1] - self._per_frame(self.motion.shift_y, p) - np.float32(PIVOT_Y)
        cos, sin = np.cos(roll), np.sin(roll)
        moved = np.stack([x * cos + y * sin, y * cos - x * sin + np.float32(PIVOT_Y)], axis=-1)
        return np.asarray(p + _head(p)[..., None] * (moved - p), dtype=np.float32)

    def _unturned(self, p: Points) -> Points:
        """Undo yaw and pitch: what lies nearer to the viewer moves more."""
        depth = _depth(self.face, p)
        x = p[..., 0] - depth * self._per_frame(np.sin(np.deg2rad(self.motion.yaw)), p)
        y = p[..., 1] + depth * self._per_frame(np.sin(np.deg2rad(self.motion.pitch)), p)
        return np.stack([x, y], axis=-1)

    def _closed(self, p: Points) -> Points:
        """Undo the jaw."""
        drop = self._per_frame(self.jaw, p)
        fall = drop * _jaw_share(self.face, p, drop)
        return np.stack([p[..., 0], p[..., 1] - fall], axis=-1)


def _smoothstep(low: float, high: float, x: NDArray[np.float32]) -> NDArray[np.float32]:
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _head(p: Points) -> NDArray[np.float32]:
    """1 on the head, 0 on shoulders and at the picture's edge."""
    sides = 1 - _smoothstep(0.66, 0.98, np.abs(p[..., 0]))
    upright = (1 - _smoothstep(0.68, 1.0, p[..., 1])) * _smoothstep(-1.0, -0.84, p[..., 1])
    return np.asarray(sides * upright)


def _depth(face: Face, p: Points) -> NDArray[np.float32]:
    """Distance in front of the axis the head turns about, half image widths."""
    x = p[..., 0] / np.float32(face.half_width)
    y = (p[..., 1] + np.float32(0.02)) / np.float32(0.64)
    dome = np.exp(-0.9 * (x * x + y * y) ** 1.5)
    up = (p[..., 1] - np.float32(face.nose_y - 0.03)) / np.float32(0.09)
    side = p[..., 0] / np.float32(0.085)
    nose = np.exp(-(side * side) - np.where(up < 0, 0.35, 1.0).astype(np.float32) * up * up)
    return np.asarray(np.float32(0.40) * dome + np.float32(0.09) * nose)


def _jaw_share(face: Face, p: Points, drop: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the jaw's drop a point makes: 0 above the mouth, 1 at the chin, 0 at the collar."""
    y = p[..., 1]
    below = _smoothstep(face.mouth_y - 0.05, face.mouth_y + 0.14, y)
    above = 1 - _smoothstep(face.chin_y + 0.02, face.chin_y + 0.16, y - drop)
    x = p[..., 0] / np.float32(face.half_width * 1.02)
    return np.asarray(below * above * np.clip(1 - x * x, 0, 1) ** np.float32(0.7))

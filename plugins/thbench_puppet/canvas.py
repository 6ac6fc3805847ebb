"""A small painter: anti-aliased, optionally soft shapes on a float picture of any size.

Coordinates are those of the face (about half image widths, y down, 0, 0 between the eyes and the
nose), so a shape covers the same part of a picture at every size.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Colour

Field = NDArray[np.float32]
"""[size, size]."""
FRACTION_BITS = 6
ZOOM = 1.14
"""Half image widths in one unit of the face."""
BLEED = 0.68
"""Pixels by which OpenCV's anti-aliased polygons reach over their edge (measured); drawn shapes are
made smaller by it, so that they cover the same area at every size."""
DOWN = 0.035
"""Where the face's origin lies below the picture's middle, half image widths."""


def to_pixels(points: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Face coordinates to pixels of a `size` px picture, pixel centres at integers."""
    offset = np.array([1, 1 + DOWN], dtype=points.dtype)
    scale = points.dtype.type(ZOOM)
    return np.asarray(
        (points * scale + offset) * points.dtype.type(size / 2) - points.dtype.type(0.5)
    )


def nodes(size: int) -> NDArray[np.float32]:
    """[size, size, 2] face coordinates of the pixel centres of a `size` px picture."""
    middle = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(2 / size) - 1
    x, y = np.meshgrid(middle, middle)
    return np.asarray(np.stack([x, y - np.float32(DOWN)], axis=-1) / np.float32(ZOOM), np.float32)


def fixed_point(points: NDArray[np.floating], size: int) -> NDArray[np.int32]:
    """Face coordinates to OpenCV's fixed-point pixels."""
    return np.round(to_pixels(points, size) * (1 << FRACTION_BITS)).astype(np.int32)


def bleed(size: int) -> float:
    """BLEED in face coordinates of a `size` px picture."""
    return BLEED * 2 / (size * ZOOM)


def inset(polygon: NDArray[np.floating], by: float) -> NDArray[np.floating]:
    """[n, 2] a closed outline moved inwards by `by`."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    edge = edge / np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-9)
    along = edge + np.roll(edge, 1, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 0.5)
    x, y = polygon.T
    turn = np.sign(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return np.asarray(polygon + by * turn * np.stack([-along[:, 1], along[:, 0]], axis=1))


class Canvas:
    """A square picture being painted, RGB in 0..1."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.image: NDArray[np.float32] = np.zeros((size, size, 3), dtype=np.float32)
        self.x, self.y = np.moveaxis(nodes(size), -1, 0).copy()

    def mask(self, polygon: NDArray[np.floating], soft: float = 0.0) -> Field:
        """[size, size] 0..1, 1 inside; `soft` is the sigma of its edge in half image widths."""
        drawn = np.zeros((self.size, self.size), dtype=np.uint8)
        outline = fixed_point(
            inset(np.asarray(polygon, dtype=np.float64), bleed(self.size)), self.size
        )
        cv2.fillPoly(drawn, [outline], 255, cv2.LINE_AA, FRACTION_BITS)
        field = np.asarray(drawn.astype(np.float32) / 255, dtype=np.float32)
        return self.blurred(field, soft) if soft else field

    def blurred(self, field: Field, soft: float) -> Field:
        return np.asarray(
            cv2.GaussianBlur(field, (0, 0), soft * ZOOM * self.size / 2), dtype=np.float32
        )

    def spot(self, x: float, y: float, width: float, height: float) -> Field:
        """A soft round spot, 1 in its middle."""
        return np.asarray(np.exp(-(((self.x - x) / width) ** 2) - ((self.y - y) / height) ** 2))

    def line(self, points: NDArray[np.floating], width: float) -> Field:
        """A soft stroke along a polyline, 1 on it; `width` is its sigma."""
        distance = np.full((self.size, self.size), np.inf, dtype=np.float32)
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = bx - ax, by - ay
            along = ((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy + 1e-9)
            along = np.clip(along, 0, 1)
            away = (self.x - ax - along * dx) ** 2 + (self.y - ay - along * dy) ** 2
            distance = np.minimum(distance, away.astype(np.float32))
        return np.asarray(np.exp(-distance / np.float32(width * width)))

    def paint(
        self, mask: Field, colour: Colour | NDArray[np.float32], strength: float = 1.0
    ) -> None:
        """Cover with a colour, or with a picture [size, size, 3]."""
        share = (mask * np.float32(strength))[..., None]
        self.image += share * (np.asarray(colour, dtype=np.float32) - self.image)

    def shade(self, mask: Field, factor: float, strength: float = 1.0) -> None:
        """Multiply by `factor` where the mask is 1."""
        self.image *= (1 + mask * np.float32(strength * (factor - 1)))[..., None]

    def bytes(self) -> NDArray[np.uint8]:
        return np.round(np.clip(self.image, 0, 1) * 255).astype(np.uint8)


def ellipse(x: float, y: float, width: float, height: float, n: int = 48) -> NDArray[np.float64]:
    """[n, 2] outline of an ellipse with those half axes."""
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def smooth_path(points: list[tuple[float, float]], n: int = 60) -> NDArray[np.float64]:
    """[n, 2] a smooth curve through `points` (Catmull-Rom)."""
    p = np.asarray(points, dtype=np.float64)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    where = np.linspace(0, len(points) - 1 - 1e-9, n)
    i, t = where.astype(int), (where % 1)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return np.asarray(
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
    )

"""A small painter: anti-aliased, optionally soft shapes on a float picture of any size.

Coordinates are half image widths, so a shape covers the same part of a picture at every size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Colour

Field = NDArray[np.float32]
"""[size, size]."""
FRACTION_BITS = 6


def fixed_point(points: NDArray[np.floating], size: int) -> NDArray[np.int32]:
    """Half image widths to OpenCV's fixed-point pixels (centres at integers)."""
    pixels = (points + 1) * (size / 2) - 0.5
    return np.round(pixels * (1 << FRACTION_BITS)).astype(np.int32)


class Canvas:
    """A square picture being painted, RGB in 0..1."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.image: NDArray[np.float32] = np.zeros((size, size, 3), dtype=np.float32)
        middle = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(2 / size) - 1
        self.x, self.y = np.meshgrid(middle, middle)

    def mask(self, polygon: NDArray[np.floating], soft: float = 0.0) -> Field:
        """[size, size] 0..1, 1 inside; `soft` is the sigma of its edge in half image widths."""
        drawn = np.zeros((self.size, self.size), dtype=np.uint8)
        cv2.fillPoly(drawn, [fixed_point(polygon, self.size)], 255, cv2.LINE_AA, FRACTION_BITS)
        field = drawn.astype(np.float32) / 255
        return self.blurred(field, soft) if soft else field

    def blurred(self, field: Field, soft: float) -> Field:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), soft * self.size / 2), dtype=np.float32)

    def spot(self, x: float, y: float, width: float, height: float) -> Field:
        """A soft round spot, 1 in its middle."""
        return np.exp(-(((self.x - x) / width) ** 2) - ((self.y - y) / height) ** 2)

    def line(self, points: NDArray[np.floating], width: float) -> Field:
        """A soft stroke along a polyline, 1 on it; `width` is its sigma."""
        distance = np.full((self.size, self.size), np.inf, dtype=np.float32)
        for (ax, ay), (bx, by) in zip(points[:-1], points[1:], strict=True):
            dx, dy = bx - ax, by - ay
            along = ((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy + 1e-9)
            along = np.clip(along, 0, 1)
            away = (self.x - ax - along * dx) ** 2 + (self.y - ay - along * dy) ** 2
            distance = np.minimum(distance, away.astype(np.float32))
        return np.exp(-distance / np.float32(width * width))

    def paint(self, mask: Field, colour: Colour | NDArray[np.float32], strength: float = 1.0) -> None:
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
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    )

"""A real head seen from the side: its pixels on its own mesh, turned about the vertical and drawn again."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames

__all__ = ["turned_heads"]

BACKGROUND = 110
"""Grey level of what a face leaves uncovered."""


def turned_heads(frames: Frames, points: NDArray[np.floating], degrees: float) -> Frames:
    """[T, S, S, 3] every frame's face turned to the picture's left by so much, all else grey.

    points: [T, 468, 3] the mesh of the frames in pixels, z smaller where nearer.
    """
    faces = points.astype(np.float64)
    corners = _triangles(faces[0, :, :2])
    return np.stack([_drawn(f, p, corners, degrees) for f, p in zip(frames, faces, strict=True)])


def _triangles(flat: NDArray[np.float64]) -> NDArray[np.intp]:
    """[n, 3] Delaunay's triangles of [468, 2] points."""
    low, high = (
        np.floor(flat.min(axis=0)).astype(int) - 2,
        np.ceil(flat.max(axis=0)).astype(int) + 2,
    )
    net = cv2.Subdiv2D((*low.tolist(), *(high - low).tolist()))
    for x, y in flat.tolist():
        net.insert((x, y))
    found = net.getTriangleList().reshape(-1, 3, 1, 2)
    corners = np.square(found - flat).sum(axis=-1).argmin(axis=-1)
    return corners[[len(set(c)) == 3 for c in corners.tolist()]]


def _drawn(
    frame: Frames, points: NDArray[np.float64], corners: NDArray[np.intp], degrees: float
) -> Frames:
    """The far triangles first."""
    turned = _turned(points, degrees)
    seen = np.full_like(frame, BACKGROUND)
    for corner in corners[np.argsort(-turned[corners, 2].mean(axis=1))]:
        _lay(seen, frame, points[corner, :2], turned[corner, :2])
    return seen


def _turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    middle = points.mean(axis=0)
    return np.asarray((points - middle) @ about_y.T + middle)


def _lay(
    onto: Frames, frame: Frames, here: NDArray[np.float64], there: NDArray[np.float64]
) -> None:
    """One triangle of `frame` drawn into `onto`, in place."""
    size = onto.shape[0]
    low = np.clip(np.floor(there.min(axis=0)).astype(int) - 1, 0, size)
    high = np.clip(np.ceil(there.max(axis=0)).astype(int) + 2, 0, size)
    width, height = (high - low).tolist()
    if width <= 0 or height <= 0:
        return
    placed = (there - low).astype(np.float32)
    move = cv2.getAffineTransform(here.astype(np.float32), placed)
    patch = cv2.warpAffine(frame, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(placed).astype(np.int32), 1)
    region = onto[low[1] : high[1], low[0] : high[0]]
    region[mask > 0] = patch[mask > 0]

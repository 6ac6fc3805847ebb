"""Sizes of the prepared picture, and its landmarks with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_face.box import SquareBox

__all__ = ["area_resize", "points_in_crop", "points_resized"]


def area_resize(frames: Frames, size: int) -> Frames:
    """[T, size, size, 3] of [T, S, S, 3], size <= S: every pixel is the mean of the area it covers.

    This one function makes every smaller size from the master. It neither aliases nor rings.
    """
    if frames.shape[1] == size:
        return frames
    resized = [cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames]
    return np.stack(resized).astype(np.uint8, copy=False)


def points_in_crop(points: NDArray[np.floating], box: SquareBox, size: int) -> NDArray[np.float32]:
    """[..., 2] points of the whole picture in pixels of its square `box` resized to `size`.

    Pixel centres lie at integers, so it is their outer edges at -0.5 that map onto each other.
    """
    corner = np.array([box.left, box.top], np.float64)
    return np.asarray((points - corner + 0.5) * (size / box.side) - 0.5, np.float32)


def points_resized(points: NDArray[np.floating], old: int, new: int) -> NDArray[np.float32]:
    """[..., 2] points of an `old` px square in pixels of the same square at `new` px."""
    return points_in_crop(points, SquareBox(0, 0, old), new)

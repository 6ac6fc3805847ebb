"""A contact sheet of one clip: frames over time, and the same with their landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, Source

COLUMNS = 6
_GREEN = (0, 255, 0)
_FINE = 3
"""Bits of a pixel's fraction in OpenCV's drawing."""


def contact_sheet(source: Source) -> Frames:
    """[S or 2 S, COLUMNS x S, 3] uint8: frames evenly over the clip; below them, where the dataset knows
    landmarks, the same with those."""
    chosen = np.linspace(0, len(source.frames) - 1, COLUMNS).round().astype(int)
    plain = np.hstack([source.frames[t] for t in chosen])
    points = source.annotations.get("landmarks")
    if points is None:
        return plain
    return np.vstack([plain, np.hstack([_marked(source.frames[t], points[t]) for t in chosen])])


def _marked(frame: Frames, points: NDArray[np.floating]) -> Frames:
    """A copy of [S, S, 3] with every landmark as a dot."""
    marked = frame.copy()
    radius = max(1, len(frame) // 160) << _FINE
    for x, y in np.rint(points * (1 << _FINE)).astype(int).tolist():
        cv2.circle(marked, (x, y), radius, _GREEN, -1, cv2.LINE_AA, _FINE)
    return marked

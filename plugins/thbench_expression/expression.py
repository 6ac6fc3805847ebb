"""What a face expresses, frame by frame: points of mouth and upper face without the head's pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thbench_expression.geometry import Points, similarity

__all__ = ["alternate_blocks", "expression", "neutral"]


def expression(
    points: Points, like: Points, rigid: Sequence[int], part: Sequence[int], io: float
) -> NDArray[np.float64]:
    """[T, len(part) * D] points `part` of every frame, brought onto the face `like`, in its interocular distances.

    Each frame is moved by the least-squares similarity of the points `rigid`, so that neither the place,
    the size nor the turn of the head counts. Frames of NaN stay NaN.

    Args:
        points: [T, N, D]. like: [N, D], the identity frame's. io: its interocular distance, same unit.
    """
    rows, target = list(rigid), like[list(rigid)]
    found = np.full((len(points), len(part) * points.shape[2]), np.nan)
    for t, face in enumerate(points):
        if np.isfinite(face).all():
            found[t] = (similarity(face[rows], target)(face[list(part)]) / io).ravel()
    return found


def neutral(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """[d] the person's neutral face: the median over the known frames of [T, d]."""
    return np.asarray(np.nanmedian(features, axis=0))


def alternate_blocks(n: int, block: int = 10) -> NDArray[np.bool_]:
    """[n] True in every second block of `block` frames: two halves of one clip, for the floor of a distance."""
    return np.asarray(np.arange(n) // block % 2 == 0)

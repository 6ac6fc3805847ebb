"""Improved precision and recall (Kynkäänniemi et al. 2019): shares of a set inside the other's manifold.

A manifold is the union of balls around its features, each reaching to that feature's k-th nearest
neighbour. Distances are taken in blocks of rows, in float64, so that memory is block x n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure

__all__ = ["K", "inside", "precision_recall", "radii"]

K = 3
BLOCK = 512
ROUNDING = 1e-13
"""Squared distances below this part of |x|^2 + |y|^2 are equal features up to rounding."""
Matrix = NDArray[np.float64]


def precision_recall(
    generated: NDArray[np.floating], reference: NDArray[np.floating], k: int = K
) -> tuple[float, float]:
    """Share of generated frames inside the reference's manifold, and of reference frames inside the
    generated one's, both 0..1. Raises ClipFailure where a set has no k-th neighbour."""
    fewest = min(len(generated), len(reference))
    if fewest <= k:
        raise ClipFailure(f"{fewest} frames, precision and recall need {k + 1}")
    x, y = np.asarray(generated, np.float64), np.asarray(reference, np.float64)
    return inside(x, y, radii(y, k)), inside(y, x, radii(x, k))


def radii(x: Matrix, k: int = K) -> Matrix:
    """Squared distance of every row of [n, d] to its k-th nearest neighbour, itself not counted."""
    found = [np.partition(rows, k, axis=1)[:, k] for rows in squared_distances(x, x)]
    return np.concatenate(found)


def inside(points: Matrix, centres: Matrix, radii2: Matrix) -> float:
    """Share of `points` [n, d] within the (squared) radius [m] of at least one of `centres` [m, d]."""
    found = [(rows <= radii2).any(axis=1) for rows in squared_distances(points, centres)]
    return float(np.concatenate(found).mean())


def squared_distances(x: Matrix, y: Matrix, block: int = BLOCK) -> Iterator[Matrix]:
    """Blocks of rows of the [n, m] matrix |x_i - y_j|^2."""
    x2, y2 = np.sum(x * x, axis=1), np.sum(y * y, axis=1)
    for i in range(0, len(x), block):
        sums = x2[i : i + block, None] + y2
        rows = sums - 2 * (x[i : i + block] @ y.T)
        rows[rows < ROUNDING * sums] = 0.0
        yield rows

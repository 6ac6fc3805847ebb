"""Improved precision and recall (Kynkäänniemi et al. 2019): shares of a set inside the other's manifold.

A manifold is the union of balls around its features, each reaching to that feature's k-th nearest
neighbour. Distances are taken in blocks of rows, in float64, so that memory is block x n beside the features
as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure

__all__ = ["K", "inside", "precision_recall", "radii"]

K = 3
BLOCK = 512
DISTANCES = 2**22
"""Of a block at most, 34 MB: fewer rows of sets of more than 8,192."""
COLUMNS = 2048
"""Features of the other set that are in float64 at once."""
ROUNDING = 1e-13
"""Squared distances below this part of |x|^2 + |y|^2 are equal features up to rounding."""
Features = NDArray[np.floating]
Matrix = NDArray[np.float64]


def precision_recall(
    generated: NDArray[np.floating], reference: NDArray[np.floating], k: int = K
) -> tuple[float, float]:
    """Share of generated frames inside the reference's manifold, and of reference frames inside the
    generated one's, both 0..1. Raises ClipFailure where a set has no k-th neighbour."""
    fewest = min(len(generated), len(reference))
    if fewest <= k:
        raise ClipFailure(f"{fewest} frames, precision and recall need {k + 1}")
    x, y = generated, reference
    return inside(x, y, radii(y, k)), inside(y, x, radii(x, k))


def radii(x: Features, k: int = K) -> Matrix:
    """Squared distance of every row of [n, d] to its k-th nearest neighbour, itself not counted."""
    found = []
    for rows in squared_distances(x, x):
        rows.partition(k, axis=1)
        found.append(rows[:, k].copy())  # a view would keep all n x n distances
    return np.concatenate(found)


def inside(points: Features, centres: Features, radii2: Matrix) -> float:
    """Share of `points` [n, d] within the (squared) radius [m] of at least one of `centres` [m, d]."""
    found = [(rows <= radii2).any(axis=1) for rows in squared_distances(points, centres)]
    return float(np.concatenate(found).mean())


def squared_distances(
    x: Features, y: Features, block: int = BLOCK, columns: int = COLUMNS
) -> Iterator[Matrix]:
    """Blocks of rows of the [n, m] matrix |x_i - y_j|^2 of features [n, d] and [m, d], the caller's to change."""
    block = max(1, min(block, DISTANCES // len(y)))
    y2 = np.concatenate([_squares(y[j : j + columns]) for j in range(0, len(y), columns)])
    for i in range(0, len(x), block):
        here = np.asarray(x[i : i + block], np.float64)
        sums = _squares(here)[:, None] + y2
        rows = np.empty_like(sums)
        for j in range(0, len(y), columns):
            rows[:, j : j + columns] = here @ np.asarray(y[j : j + columns], np.float64).T
        rows *= 2
        np.subtract(sums, rows, out=rows)
        sums *= ROUNDING
        rows[rows < sums] = 0.0
        del sums
        yield rows


def _squares(x: Features) -> Matrix:
    """|x_i|^2 of [n, d]."""
    wide = np.asarray(x, np.float64)
    return np.asarray(np.sum(wide * wide, axis=1))

"""How alike two faces are: cosines and distances of embeddings, as pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cosines", "distances"]

Embeddings = NDArray[np.floating]
"""[n, d]; rows of NaN are faces that were not found."""


def cosines(a: Embeddings, b: Embeddings) -> NDArray[np.float64]:
    """[n] cosine between the rows of a [n, d] and of b [n, d] or [d], -1..1; NaN where either is missing."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    together = (x * y).sum(axis=-1)
    length = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return np.clip(together / length, -1.0, 1.0)


def distances(a: Embeddings, b: Embeddings) -> NDArray[np.float64]:
    """[n] Euclidean distance between the rows of a [n, d] and of b [n, d] or [d]; NaN where either is missing."""
    return np.asarray(
        np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1)
    )

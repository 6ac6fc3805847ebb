"""Kernel Inception Distance (Binkowski et al. 2018): squared MMD with k(x, y) = (x.y / d + 1)^3."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure

__all__ = ["SUBSETS", "SUBSET_SIZE", "kid", "mmd2"]

SUBSETS = 100
SUBSET_SIZE = 1000
SEED = 2020  # torch-fidelity's default, so that its numbers can be reproduced
Features = NDArray[np.floating]


def kid(
    generated: Features, reference: Features, subsets: int = SUBSETS, size: int = SUBSET_SIZE
) -> float:
    """Mean over random subsets of the unbiased squared MMD of features [n, d] and [m, d].

    Subsets of `size` frames are drawn from a fixed seed, generated then reference, as torch-fidelity
    draws them; sets smaller than `size` use as many frames as the smaller one has. May be slightly
    negative: the estimator is unbiased. Raises ClipFailure for fewer than two frames.
    """
    size = min(size, len(generated), len(reference))
    if size < 2:
        raise ClipFailure(f"{size} frames, KID needs 2")
    if size == len(generated) == len(reference):
        return mmd2(generated, reference)  # every subset is the whole set in another order
    rng = np.random.RandomState(SEED)
    values = np.zeros(subsets)
    for i in range(subsets):
        x = generated[rng.choice(len(generated), size, replace=False)]
        y = reference[rng.choice(len(reference), size, replace=False)]
        values[i] = mmd2(x, y)
    return float(values.mean())


def mmd2(x: Features, y: Features) -> float:
    """Unbiased squared MMD of two sets of m features each, in float64 (Binkowski et al. 2018, eq. 4)."""
    m = len(x)
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    within = off_diagonal(kernel(a, a)) + off_diagonal(kernel(b, b))
    return float(within / (m * (m - 1)) - 2 * kernel(a, b).mean())


def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    k: NDArray[np.float64] = x @ y.T / x.shape[1] + 1
    return k * k * k


def off_diagonal(k: NDArray[np.float64]) -> float:
    return float(k.sum() - np.trace(k))

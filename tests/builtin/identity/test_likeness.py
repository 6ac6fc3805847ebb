"""Cosines and distances of embeddings, by hand; missing faces stay missing."""

from __future__ import annotations

import numpy as np
import pytest

from thbench_identity.likeness import cosines, distances

A = np.array([[3.0, 4.0], [1.0, 0.0], [np.nan, np.nan], [-2.0, 0.0], [1.0, 1.0]])
B = np.array([[4.0, 3.0], [0.0, 5.0], [1.0, 0.0], [3.0, 0.0], [2.0, 2.0]])


def test_cosines_row_by_row() -> None:
    assert cosines(A, B) == pytest.approx([0.96, 0.0, np.nan, -1.0, 1.0], nan_ok=True)
    assert cosines(A, B[0]) == pytest.approx([0.96, 0.8, np.nan, -0.8, 7 / 50**0.5], nan_ok=True)


def test_a_cosine_is_never_beyond_one() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3))
    assert np.abs(cosines(x, 3 * x)).max() <= 1.0
    assert cosines(x, -x).min() >= -1.0
    assert cosines(x.astype(np.float32), x).dtype == np.float64


def test_distances_row_by_row() -> None:
    assert distances(A, B) == pytest.approx([2**0.5, 26**0.5, np.nan, 5.0, 2**0.5], nan_ok=True)
    assert distances(A[:2], B[0]) == pytest.approx([2**0.5, 18**0.5])

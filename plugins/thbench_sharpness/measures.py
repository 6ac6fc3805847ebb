"""Measures of one grey picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["grey", "high_frequency_energy", "laplacian_variance"]

Picture = NDArray[np.float64]

SIGMA = 1.0
"""Pixels of the Gaussian whose residue is called high-frequency."""


def grey(frame: NDArray[np.uint8]) -> Picture:
    """[H, W] in 0..255 of [H, W, 3] uint8 RGB, weights of ITU-R BT.601, not rounded."""
    return frame.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def laplacian_variance(picture: Picture) -> float:
    """Variance of the 5-point Laplacian over the inner pixels, squared grey levels; at least 3 x 3 pixels.

    Source: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy".
    """
    inner = picture[1:-1, 1:-1]
    around = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float((around - 4 * inner).var())


def high_frequency_energy(picture: Picture, sigma: float = SIGMA) -> float:
    """Share of the variance that a Gaussian of `sigma` pixels takes away, 0..1; 0 for a flat picture.

    sum (g - G g)^2 / sum (g - mean g)^2; edges repeat their last pixel.
    """
    energy = float(((picture - picture.mean()) ** 2).sum())
    if energy <= 1e-12 * picture.size:
        return 0.0
    rest = picture - ndimage.gaussian_filter(picture, sigma, mode="nearest", truncate=4.0)
    return min(1.0, float((rest**2).sum()) / energy)

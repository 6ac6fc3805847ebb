"""Noise of the frames of one clip.

Ge et al., Preserve Your Own Correlation: A Noise Prior for Video Diffusion Models (2023), progressive noise:
frame after frame

    e_0 ~ N(0, I)        e_k = rho e_(k-1) + sqrt(1 - rho^2) n_k,  n_k ~ N(0, I)

where rho = alpha / sqrt(1 + alpha^2) of the paper. Every frame's noise has unit variance, as in training;
that of frames k and k + d has correlation rho^d. rho 0: independent; rho 1: the same for all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class FrameNoise:
    """Draws e_0, e_1, ... of a shape from a clip's own generator."""

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, ...], correlation: float
    ) -> None:
        self._rng, self._shape, self._correlation = rng, shape, correlation
        self._last: Tensor | None = None

    def fresh(self) -> Tensor:
        """Noise that depends on no other."""
        return torch.from_numpy(self._rng.standard_normal(self._shape, dtype=np.float32))

    def next(self) -> Tensor:
        """e_k of the next frame."""
        rho, last = self._correlation, self._last
        if last is None or rho == 0:
            self._last = self.fresh()
        elif rho < 1:
            self._last = rho * last + (1 - rho**2) ** 0.5 * self.fresh()
        assert self._last is not None
        return self._last

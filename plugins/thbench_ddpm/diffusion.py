"""The diffusion: what noise does to an image, and one step back.

Ho, Jain & Abbeel, Denoising Diffusion Probabilistic Models (2020); cosine schedule of Nichol & Dhariwal
(2021), equation 17; DDIM of Song, Meng & Ermon (2021), equations 12 and 16. Tables are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TRAINING_STEPS = 250
OFFSET = 0.008
LARGEST_BETA = 0.999

Predicts = Literal["noise", "v"]
Spacing = Literal["linear", "quadratic"]


def alphas_bar(n: int = TRAINING_STEPS) -> NDArray[np.float64]:
    """[n] of abar_t: the share of the image's variance left after step t; betas are cut at 0.999."""
    f = np.cos((np.arange(n + 1) / n + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
    betas = np.minimum(1 - f[1:] / f[:-1], LARGEST_BETA)
    return np.cumprod(1 - betas)


def spaced(steps: int, spacing: Spacing = "linear", n: int = TRAINING_STEPS) -> list[int]:
    """`steps` of the n training steps, ascending; the last one, where sampling begins, is n - 1.

    linear     round(linspace(0, n - 1, steps)); one step alone is the noisiest
    quadratic  round((n - 1) (i / steps)^2), i = 1 .. steps: closer where there is little noise (Song, Meng & Ermon 2021,
               appendix D.2); of 250, at most `options.MOST_QUADRATIC`
    """
    if spacing == "quadratic":
        chosen = (n - 1) * (np.arange(1, steps + 1) / steps) ** 2
    else:
        chosen = np.linspace(0, n - 1, steps) if steps > 1 else np.array([n - 1.0])
    return [int(t) for t in np.round(chosen)]


class Diffusion:
    """q(x_t | x_0) for training: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise."""

    def __init__(self, predicts: Predicts) -> None:
        self.predicts = predicts
        self.abar = torch.from_numpy(alphas_bar())

    def noisy(self, image: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t of images [B, C, H, W] at steps t [B]."""
        signal, spread = self._scales(t, image)
        return signal * image + spread * noise

    def target(self, image: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the network should put out: the noise, or v = sqrt(abar) noise - sqrt(1 - abar) x_0."""
        if self.predicts == "noise":
            return noise
        signal, spread = self._scales(t, image)
        return signal * noise - spread * image

    def _scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        abar = self.abar.to(t.device)[t][:, None, None, None]
        return abar.sqrt().to(like.dtype), (1 - abar).sqrt().to(like.dtype)


@dataclass(frozen=True)
class Step:
    """One step back, from training step `t` to the next smaller one that is used (or the image)."""

    t: int
    abar: float
    abar_next: float
    eta: float

    @property
    def sigma(self) -> float:
        """Deviation of the fresh noise (DDIM, equation 16); 0 in the last step and where eta is 0."""
        share = (1 - self.abar_next) / (1 - self.abar) * (1 - self.abar / self.abar_next)
        return float(self.eta * np.sqrt(share))

    def image(self, x: Tensor, output: Tensor, predicts: Predicts) -> Tensor:
        """x_0 as the network sees it, clipped to -1..1."""
        signal, spread = self.abar**0.5, (1 - self.abar) ** 0.5
        if predicts == "noise":
            return ((x - spread * output) / signal).clamp(-1, 1)
        return (signal * x - spread * output).clamp(-1, 1)

    def back(self, x: Tensor, image: Tensor, fresh: Tensor | None) -> Tensor:
        """x of the next smaller step (equation 12); the noise is that between x and the clipped image."""
        noise = (x - self.abar**0.5 * image) / (1 - self.abar) ** 0.5
        direction = max(0.0, 1 - self.abar_next - self.sigma**2) ** 0.5
        moved = self.abar_next**0.5 * image + direction * noise
        return moved if fresh is None or self.sigma == 0 else moved + self.sigma * fresh


def steps_back(steps: int, eta: float, spacing: Spacing = "linear") -> list[Step]:
    """The steps of sampling, noisiest first. eta 1 over all 250 is DDPM's ancestral sampling."""
    abar, chosen = alphas_bar(), spaced(steps, spacing)
    following = [1.0, *(float(abar[t]) for t in chosen[:-1])]
    found = [Step(t, float(abar[t]), n, eta) for t, n in zip(chosen, following, strict=True)]
    return found[::-1]

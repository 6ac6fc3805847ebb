"""Noise of a clip's frames: its distribution, and that independent noise is what it always was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from thbench_ddpm.noise import FrameNoise

SHAPE = (3, 64, 64)


def frames(correlation: float, n: int = 6) -> torch.Tensor:
    noise = FrameNoise(np.random.default_rng(3), SHAPE, correlation)
    return torch.stack([noise.next() for _ in range(n)]).flatten(1).double()


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 1.0])
def test_frames_are_unit_gaussians_whose_correlation_falls_with_their_distance(rho: float) -> None:
    drawn = frames(rho)
    assert drawn.mean(dim=1).abs().max() < 0.03
    assert (drawn.var(dim=1) - 1).abs().max() < 0.05
    found = torch.corrcoef(drawn)
    expected = torch.tensor([[rho ** abs(i - j) for j in range(6)] for i in range(6)])
    assert (found - expected).abs().max() < 0.03


def test_the_ends_are_fresh_noise_and_the_same_noise() -> None:
    rng = np.random.default_rng(3)
    plain = torch.from_numpy(np.stack([rng.standard_normal(SHAPE, np.float32) for _ in range(3)]))
    assert torch.equal(frames(0.0, 3).float(), plain.flatten(1))
    assert torch.equal(frames(1.0, 3).float(), plain[:1].expand(3, -1, -1, -1).flatten(1))


def test_progressive_noise_of_the_paper() -> None:
    """Ge et al. 2023 with their alpha: e_k = alpha / sqrt(1 + alpha^2) e_(k-1) + n / sqrt(1 + alpha^2)."""
    alpha = 2.0
    rng = np.random.default_rng(3)
    expected = [rng.standard_normal(SHAPE, np.float32).astype(np.float64)]
    for _ in range(3):
        fresh = rng.standard_normal(SHAPE, np.float32)
        expected.append((alpha * expected[-1] + fresh) / (1 + alpha**2) ** 0.5)
    found = frames(alpha / (1 + alpha**2) ** 0.5, 4).numpy().reshape(4, *SHAPE)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)

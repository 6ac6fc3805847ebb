"""The losses of section 4.1.3, and the figures by which training is watched. D is given as logits.

    L_D  = - E log D(x|c) - E log(1 - D(G(z|c)|c))
    L_G  = - E log D(G(z|c)|c) + lambda_pixel L1(G(z|c), x)
    L1   = 1/(T C H W) sum |G(z|c) - x|

log D = -softplus(-logit) and log(1 - D) = -softplus(logit): exact, and finite where D is sure.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """L_D of logits [B]; with label smoothing s the real term is the cross-entropy against 1 - s."""
    is_real = (1 - smoothing) * softplus(-real) + smoothing * softplus(real)
    return is_real.mean() + softplus(fake).mean()


def adversarial_loss(fake: Tensor) -> Tensor:
    """The first term of L_G, of logits [B]."""
    return softplus(-fake).mean()


def pixel_loss(generated: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """L1, mean over every value; `weight` (broadcast) makes it a weighted mean."""
    distance = (generated - truth).abs()
    if weight is None:
        return distance.mean()
    full = weight.expand_as(distance)
    return (full * distance).sum() / full.sum()


def r1_penalty(logits: Tensor, real: Tensor) -> Tensor:
    """E |grad_x D(x|c)|^2 / 2 on real clips (Mescheder et al. 2018, eq. 9, gamma = 1)."""
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1).mean() / 2


def snr_db(generated: Tensor, truth: Tensor) -> Tensor:
    """[B] signal-to-noise ratio in dB: 10 log10 (sum x^2 / sum (x - G)^2) over a clip, values in 0..1."""
    signal, noise = truth.square().flatten(1), (truth - generated).square().flatten(1)
    return 10 * torch.log10(signal.sum(dim=1) / noise.sum(dim=1).clamp_min(1e-12))

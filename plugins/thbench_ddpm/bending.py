"""The identity frame, bent: the second estimate that a denoiser of `output: identity` has of its image.

With x = s x_0 + r e, s = sqrt(abar), r = sqrt(1 - abar), the network gives v or e, which stands for an image
x_0' whose error grows with the noise; a flow, by which the identity frame is bent as the GAN's is
(docs/gan.md); and for every pixel the logarithm of an odds o. If x_0' has the variance r^2 and the bent frame 1 / o, their
mean weighted by precision is

    x_0 = x_0' + w (bent - x_0'),    w = r^2 o / (1 + r^2 o)

so that much of a frame is the identity frame where the noise hides it, and less the more is seen. In v:
v - (w / r) (bent - x_0'); in the noise: e - (w / r) (s bent - s x_0').
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

EXTRA = 3
"""Channels beside the three of v or noise: flow x, flow y, and the log odds."""
REACH = 0.25
"""Largest flow; 2 is the image's whole width."""
SUREST = 8.0
"""Largest log odds, reached by tanh: a deviation of e^-4, two grey levels of images in -1..1."""


def with_identity(
    output: Tensor, noisy: Tensor, identity: Tensor, abar: Tensor, predicts: str
) -> Tensor:
    """Output [B, 3 + EXTRA, H, W] of a network -> v or noise [B, 3, H, W]; abar [B] of each image's step."""
    plain, flow, odds = output.split((3, 2, 1), dim=1)
    signal, spread = (a.sqrt()[:, None, None, None].to(plain.dtype) for a in (abar, 1 - abar))
    bent = bend(identity, REACH * flow.tanh())
    share = spread * (o := (SUREST * (odds / SUREST).tanh()).exp()) / (1 + spread**2 * o)  # w / r
    if predicts == "v":
        return plain - share * (bent - (signal * noisy - spread * plain))
    return plain - share * (signal * bent - (noisy - spread * plain))


def bend(image: Tensor, flow: Tensor) -> Tensor:
    """[B, C, H, W] sampled bilinearly at each pixel's place plus flow [B, 2, H, W] (x, y)."""
    h, w = image.shape[2:]
    y = (torch.arange(h, device=image.device, dtype=flow.dtype) * 2 + 1) / h - 1
    x = (torch.arange(w, device=image.device, dtype=flow.dtype) * 2 + 1) / w - 1
    grid = torch.stack((x.expand(h, w), y[:, None].expand(h, w)), dim=-1)
    places = (grid + flow.permute(0, 2, 3, 1)).to(image.dtype)
    return grid_sample(image, places, padding_mode="border", align_corners=False)

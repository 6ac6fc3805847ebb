"""The identity frame, bent: what a denoiser of `output: identity` mixes into the image that it sees.

As the GAN's `output: identity` (docs/gan.md). With x = s x_0 + r e, s = sqrt(abar), r = sqrt(1 - abar), the network
gives v or e, a flow and a mask m; the image it stands for becomes

    x_0 = x_0' + r^2 m (bent - x_0'),    x_0' from v or e alone

so that much of a frame is the identity frame where the noise hides it, and nothing where it is seen already. In v:
v - r m (bent - x_0'); in the noise: e - r m (s bent - s x_0').
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

EXTRA = 3
"""Channels beside the three of v or noise: flow x, flow y, and the mask's logit."""
REACH = 0.25
"""Largest flow; 2 is the image's whole width."""
HIDDEN = -2.0
"""The mask's logit at first: the identity frame shows little."""


def with_identity(
    output: Tensor, noisy: Tensor, identity: Tensor, abar: Tensor, predicts: str
) -> Tensor:
    """Output [B, 3 + EXTRA, H, W] of a network -> v or noise [B, 3, H, W]; abar [B] of each image's step."""
    plain, flow, logit = output.split((3, 2, 1), dim=1)
    signal, spread = (a.sqrt()[:, None, None, None].to(plain.dtype) for a in (abar, 1 - abar))
    bent = bend(identity, REACH * flow.tanh())
    mask = (logit + HIDDEN).sigmoid()
    if predicts == "v":
        seen = signal * noisy - spread * plain
        return plain - spread * mask * (bent - seen)
    seen_signal = noisy - spread * plain
    return plain - spread * mask * (signal * bent - seen_signal)


def bend(image: Tensor, flow: Tensor) -> Tensor:
    """[B, C, H, W] sampled bilinearly at each pixel's place plus flow [B, 2, H, W] (x, y)."""
    h, w = image.shape[2:]
    y = (torch.arange(h, device=image.device, dtype=flow.dtype) * 2 + 1) / h - 1
    x = (torch.arange(w, device=image.device, dtype=flow.dtype) * 2 + 1) / w - 1
    grid = torch.stack((x.expand(h, w), y[:, None].expand(h, w)), dim=-1)
    places = (grid + flow.permute(0, 2, 3, 1)).to(image.dtype)
    return grid_sample(image, places, padding_mode="border", align_corners=False)

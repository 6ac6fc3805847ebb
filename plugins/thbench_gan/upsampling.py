"""From the LSTM's feature vector to a frame: the small upsampling CNN of section 4.1.1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thbench.api import UserError

START = 4
"""Height and width the CNN starts from."""
SIZES = tuple(START << n for n in range(3, 8))
MASKED = -2.0
"""The mask's logit where training starts: an eighth is painted."""
REACH = 0.25
"""Largest shift of a pixel, as a share of half the frame."""


def channels_of(size: int, widest: int, narrowest: int) -> list[int]:
    """Channels at 4, 8, ... `size` px. Raises UserError for a size that doubling 4 px does not reach."""
    if size not in SIZES:
        known = ", ".join(map(str, SIZES))
        raise UserError(f"gan cannot draw {size} px", f"choose a resolution of {known}")
    levels = (size // START).bit_length()
    return [max(widest >> level, narrowest) for level in range(levels)]


class Grow(nn.Module):
    """Twice the size by nearest neighbours, one convolution, and the identity's map where there is one."""

    def __init__(self, cin: int, cout: int, skip: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        self.skip = nn.Conv2d(skip, cout, 3, padding=1) if skip else None
        self.norm = nn.GroupNorm(8, cout)

    def forward(self, x: Tensor, identity: Tensor | None, frames: int) -> Tensor:
        x = self.conv(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        if self.skip is not None and identity is not None:
            # one clip's map serves all its frames, so it is convolved once per clip
            x = x + self.skip(identity).repeat_interleave(frames, dim=0)
        return nn.functional.silu(self.norm(x))


class UpsamplingCNN(nn.Module):
    """[B T, hidden] -> [B T, 3, size, size] in -1..1.

    maps   feature maps of the identity frame at size/2, size/4, ...; with `skips` they are added in
    The frame is painted (`plain`), or the identity frame is bent by a flow of at most `REACH` and
    painted over by a mask: x = m * paint + (1 - m) * bent.
    """

    def __init__(
        self, hidden: int, size: int, widest: int, narrowest: int, skips: Sequence[int] | None
    ) -> None:
        super().__init__()
        channels = channels_of(size, widest, narrowest)
        self.start = nn.Linear(hidden, channels[0] * START * START)
        self.size, self.bends = size, skips is not None
        # at 8, 16, ... size/2 px the ResNet has a map of that size; at full size the frame itself
        beside = [*_beside(skips, len(channels)), 3] if skips else [0] * (len(channels) - 1)
        self.levels = nn.ModuleList(
            Grow(cin, cout, skip)
            for cin, cout, skip in zip(channels, channels[1:], beside, strict=False)
        )
        self.out = nn.Conv2d(channels[-1], 6 if self.bends else 3, 3, padding=1)
        if self.bends:
            nn.init.zeros_(self.out.weight)  # at first every frame is the identity frame
            nn.init.constant_(self.out.bias[3:4], MASKED)  # type: ignore[index]

    def forward(self, features: Tensor, identity: Tensor, maps: Sequence[Tensor]) -> Tensor:
        frames = len(features) // len(identity)
        x = self.start(features).unflatten(1, (-1, START, START))
        x = x.contiguous(memory_format=torch.channels_last)  # a fifth faster on a CPU
        beside = {m.shape[-1]: m for m in (*maps, identity)} if self.bends else {}
        for level in self.levels:
            x = level(x, beside.get(2 * x.shape[-1]), frames)
        x = self.out(x)
        if not self.bends:
            return torch.tanh(x)
        paint, mask, flow = torch.tanh(x[:, :3]), torch.sigmoid(x[:, 3:4]), torch.tanh(x[:, 4:])
        bent = bend(identity.repeat_interleave(frames, dim=0), REACH * flow)
        return mask * paint + (1 - mask) * bent


def _beside(skips: Sequence[int], levels: int) -> list[int]:
    """Channels of the ResNet's maps at 8, 16, ... size/2 px."""
    return [skips[levels - 3 - i] for i in range(levels - 2)]


def bend(image: Tensor, flow: Tensor) -> Tensor:
    """[N, C, H, W] sampled bilinearly at each pixel's place plus [N, 2, H, W] (x, y; 2 is the whole width)."""
    h, w = image.shape[2:]
    y = (torch.arange(h, device=image.device, dtype=flow.dtype) * 2 + 1) / h - 1
    x = (torch.arange(w, device=image.device, dtype=flow.dtype) * 2 + 1) / w - 1
    grid = torch.stack((x.expand(h, w), y[:, None].expand(h, w)), dim=-1)
    places = grid + flow.permute(0, 2, 3, 1)
    return nn.functional.grid_sample(
        image, places.to(image.dtype), padding_mode="border", align_corners=False
    )

"""The UNet of table 1: that of Dhariwal & Nichol, Diffusion Models Beat GANs (2021), with one scale-shift
injection per signal in every residual block, and attention in the middle only.

Images are [B, channels, H, W]; every embedded signal is [B, 4C].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

GROUPS = 32
"""Of every norm, in ADM."""
LONGEST_PERIOD = 10_000

Signals = Mapping[str, Tensor]


def time_code(t: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """[B, width] of steps [B]: cosines, then sines, of width / 2 frequencies from 1 to 1/10000."""
    half = width // 2
    places = torch.arange(half, device=t.device, dtype=dtype)
    angles = t[:, None].to(dtype) * torch.exp(-math.log(LONGEST_PERIOD) / half * places)
    return torch.cat((angles.cos(), angles.sin()), dim=1)


def perceptron(inputs: int, width: int) -> nn.Sequential:
    """The two layers that embed one signal."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The last layer of a branch starts at 0, so that the branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResBlock(nn.Module):
    """Norm, SiLU, convolution; norm, x' = z_s x + z_b per signal, SiLU, dropout, convolution; a skip.

    `resample` doubles or halves the image between the first norm and its convolution, and the skip.
    """

    def __init__(
        self, inputs: int, outputs: int, embedded: int, signals: Sequence[str], dropout: float,
        groups: int, resample: Literal["up", "down"] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.resample = resample
        self.norm_in = nn.GroupNorm(groups, inputs)
        self.conv_in = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.inject = nn.ModuleDict({name: nn.Linear(embedded, 2 * outputs) for name in signals})
        self.norm_out = nn.GroupNorm(groups, outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv_out = _zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.act = nn.SiLU()

    def forward(self, x: Tensor, signals: Signals) -> Tensor:
        h = self.conv_in(self._resampled(self.act(self.norm_in(x))))
        h = self.norm_out(h)
        for name, layer in self.inject.items():
            if name in signals:
                scale, shift = layer(self.act(signals[name]))[..., None, None].chunk(2, dim=1)
                h = h * (1 + scale) + shift  # z_s = 1 + scale, so that 0 leaves x as it is
        h = self.conv_out(self.dropout(self.act(h)))
        out: Tensor = self.skip(self._resampled(x)) + h
        return out

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == "up":
            return interpolate(x, scale_factor=2, mode="nearest")
        return avg_pool2d(x, 2) if self.resample == "down" else x


class Attention(nn.Module):
    """Every place attends to every other; `heads` parts of the channels by themselves."""

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = _zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, height, width = x.shape
        parts = self.qkv(self.norm(x)).reshape(b, self.heads, 3, c // self.heads, height * width)
        q, k, v = parts.transpose(-1, -2).unbind(dim=2)  # each [B, heads, places, c / heads]
        seen = scaled_dot_product_attention(q, k, v).transpose(-1, -2)
        out: Tensor = x + self.proj(seen.reshape(b, c, height, width))
        return out


class UNet(nn.Module):
    """[B, inputs, H, W] and signals -> [B, outputs, H, W].

    `signals` names every signal next to `time` and the length of its raw vector, `beside_time` those that
    are added to the embedding of time instead, at first as 0. A signal that is left out of a call is not
    injected. H and W must be multiples of patch * 2 ** (len(multiples) - 1).
    """

    def __init__(
        self, inputs: int, outputs: int, channels: int, multiples: Sequence[int], blocks: int,
        heads: int, dropout: float, signals: Mapping[str, int], patch: int = 1,
        groups: int = GROUPS, beside_time: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.channels, self.checkpointing = channels, False
        self.to_patches, self.to_pixels = nn.PixelUnshuffle(patch), nn.PixelShuffle(patch)
        wide = 4 * channels
        self.embed = nn.ModuleDict({"time": perceptron(channels, wide)})
        self.embed.update({name: perceptron(n, wide) for name, n in signals.items()})
        names = list(self.embed)
        self.beside_time = tuple(beside_time or ())
        for name, n in (beside_time or {}).items():
            self.embed[name] = perceptron(n, wide)
            nn.init.zeros_(self.embed[name][-1].weight)  # type: ignore[index]
            nn.init.zeros_(self.embed[name][-1].bias)  # type: ignore[index]

        def block(i: int, o: int, resample: Literal["up", "down"] | None = None) -> ResBlock:
            return ResBlock(i, o, wide, names, dropout, groups, resample)

        width = channels * multiples[0]
        self.first = nn.Conv2d(inputs * patch**2, width, 3, padding=1)
        skips = [width]
        self.down = nn.ModuleList()
        for level, multiple in enumerate(multiples):
            for _ in range(blocks):
                self.down.append(block(width, channels * multiple))
                width = channels * multiple
                skips.append(width)
            if level < len(multiples) - 1:
                self.down.append(block(width, width, "down"))
                skips.append(width)
        self.middle = nn.ModuleList(
            [block(width, width), Attention(width, heads, groups), block(width, width)]
        )
        self.up = nn.ModuleList()
        for level, multiple in reversed(list(enumerate(multiples))):
            for i in range(blocks + 1):
                stage = nn.ModuleList([block(width + skips.pop(), channels * multiple)])
                width = channels * multiple
                if level and i == blocks:
                    stage.append(block(width, width, "up"))
                self.up.append(stage)
        self.norm = nn.GroupNorm(groups, width)
        self.act = nn.SiLU()
        self.last = _zeroed(nn.Conv2d(width, outputs * patch**2, 3, padding=1))

    def embedded(self, signals: Signals) -> dict[str, Tensor]:
        """[B, 4C] of every raw signal given; the same for all steps of a frame, but for `time`."""
        return {name: self.embed[name](raw) for name, raw in signals.items()}

    def forward(self, x: Tensor, t: Tensor, signals: Signals) -> Tensor:
        """`t` [B] of training steps; `signals` as `embedded` gives them."""
        code = time_code(t, self.channels, self.first.weight.dtype)
        time = self.embed["time"](code)
        for name in self.beside_time:
            time = time + signals[name] if name in signals else time
        signals = {"time": time, **signals}
        h = self.first(self.to_patches(x))
        kept = [h]
        for block in self.down:
            h = self._run(block, h, signals)
            kept.append(h)
        first, attention, second = self.middle
        h = self._run(second, attention(self._run(first, h, signals)), signals)
        for stage in self.up:
            h = torch.cat((h, kept.pop()), dim=1)
            for block in stage:  # type: ignore[attr-defined]
                h = self._run(block, h, signals)
        out: Tensor = self.to_pixels(self.last(self.act(self.norm(h))))
        return out

    def _run(self, block: nn.Module, h: Tensor, signals: Signals) -> Tensor:
        if self.checkpointing and self.training:
            again: Tensor = checkpoint(block, h, signals, use_reentrant=False)
            return again
        out: Tensor = block(h, signals)
        return out

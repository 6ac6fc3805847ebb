"""The networks that a checkpoint holds: the denoiser, and the predictor of landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from thbench_ddpm.bending import EXTRA, with_identity
from thbench_ddpm.diffusion import alphas_bar
from thbench_ddpm.options import Architecture
from thbench_ddpm.unet import UNet
from thbench_speech.encoders import MelEncoder, SdaEncoder

HEARD = 2
"""Frames before and after the one that is drawn whose audio vectors it gets too."""
WINDOW = 2 * HEARD + 1
IMAGES = 3
"""Stacked on the channels: noisy, identity frame, motion frame."""
LANDMARKS = 68
NO_MOTION = (0.0, 1.0)
"""The signal `motion` where there is no motion frame (it is 0 then); else (its noise's deviation, 0)."""


class Denoiser(nn.Module):
    """UNet and the audio encoder that learns with it (a published one is frozen)."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.frozen = a.audio == "sda-crema"
        self.audio: MelEncoder | SdaEncoder = (
            SdaEncoder(a.audio_code) if self.frozen else MelEncoder(a.audio_code)
        )
        self.audio.requires_grad_(not self.frozen)
        self.bends, self.predicts = a.output == "identity", a.predicts
        self.register_buffer("abar", torch.from_numpy(alphas_bar()), persistent=False)
        signals = {"audio": WINDOW * a.audio_code}
        if a.landmarks:
            signals["landmarks"] = 2 * LANDMARKS
        self.unet = UNet(
            3 * IMAGES,
            3 + EXTRA if self.bends else 3,
            a.channels,
            a.multiples,
            a.blocks,
            a.heads,
            a.dropout,
            signals,
            a.patch,
            a.groups,
            {"motion": len(NO_MOTION)} if a.motion_signal else {},
        )

    def train(self, mode: bool = True) -> Denoiser:
        """Norms of a frozen encoder keep their published statistics."""
        super().train(mode)
        if self.frozen:
            self.audio.eval()
        return self

    def code(self, sound: Tensor) -> Tensor:
        """What is heard at T frames (thbench_speech.encoders.heard) -> [B, T, audio_code]."""
        out: Tensor = self.audio(sound)
        return out

    def forward(
        self, noisy: Tensor, t: Tensor, stills: Tensor, signals: Mapping[str, Tensor]
    ) -> Tensor:
        """Noisy images [B, 3, H, W] at steps t [B], identity and motion frames [B, 6, H, W] -> noise or v."""
        out: Tensor = self.unet(torch.cat((noisy, stills), dim=1), t, signals)
        if not self.bends:
            return out
        abar: Tensor = self.abar[t.long()]  # type: ignore[index]
        return with_identity(out.float(), noisy, stills[:, :3], abar, self.predicts)


class LandmarkPredictor(nn.Module):
    """Identity frame and audio vectors -> where the 68 landmarks are at each frame, for `predicted`.

    Each frame by itself: a look at the identity frame, scaled to 64 px, and five audio vectors.
    """

    LOOK = 64

    def __init__(self, audio_code: int, width: int = 32) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.SiLU(),
            nn.Conv2d(width, width, 4, 2, 1), nn.SiLU(),
            nn.Conv2d(width, width, 4, 2, 1), nn.SiLU(),
            nn.Conv2d(width, width, 4, 2, 1), nn.SiLU(),
            nn.Flatten(), nn.Linear(width * 16, 8 * width), nn.SiLU(),
        )  # fmt: skip
        self.at_rest = nn.Linear(8 * width, 2 * LANDMARKS)
        self.moved = nn.Sequential(
            nn.Linear(8 * width + WINDOW * audio_code, 8 * width), nn.SiLU(),
            nn.Linear(8 * width, 2 * LANDMARKS),
        )  # fmt: skip

    def forward(self, identity: Tensor, heard: Tensor) -> Tensor:
        """[B, 3, H, W] in -1..1, [B, 5 * code] -> [B, 136]: x, y of each, -1..1 over the image."""
        size = (self.LOOK, self.LOOK)
        seen = self.look(interpolate(identity, size, mode="bilinear", antialias=True))
        out: Tensor = self.at_rest(seen) + self.moved(torch.cat((seen, heard), dim=1))
        return out


def neighbours(code: Tensor) -> Tensor:
    """[B, T, code] -> [B, T, 5 * code]: frames t-2..t+2 of each, those at the ends repeated."""
    n = code.shape[1]
    offsets = torch.arange(-HEARD, HEARD + 1, device=code.device)
    places = (torch.arange(n, device=code.device)[:, None] + offsets).clamp(0, n - 1)
    return code[:, places].flatten(2)


def normalised(points: Any, size: int) -> Any:
    """Landmarks [..., 68, 2] in pixels -> [..., 136] in -1..1 over the image."""
    return (points / size * 2 - 1).reshape(*points.shape[:-2], 2 * LANDMARKS)

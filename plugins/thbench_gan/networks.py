"""The generator and the discriminator (sections 4.1.1 and 4.1.2; figures in docs/gan.md)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from thbench_gan.movement import DONORS, LENGTH, PARTS
from thbench_gan.options import Architecture
from thbench_gan.resnet import ResNet18
from thbench_gan.upsampling import UpsamplingCNN
from thbench_speech.encoders import SDA_CODE, MelEncoder, SdaEncoder


@dataclass(frozen=True)
class Condition:
    """c: what is known of a clip. `code` is [B, T, C], `maps` and `identity` serve the skips."""

    code: Tensor
    identity: Tensor
    maps: list[Tensor]


def code_length(a: Architecture) -> int:
    """Length of c_t: identity embedding and one audio vector."""
    return 8 * a.identity_width + (a.audio_code if a.audio == "mel" else SDA_CODE)


class Generator(nn.Module):
    """G(z|c): identity frame, speech and noise -> frames; with `movement` how head and lids move as well.

    `donors` [DONORS, LENGTH, PARTS] are movements seen in training, the last `given` of them.
    """

    donors: Tensor
    given: Tensor

    def __init__(self, a: Architecture, size: int) -> None:
        super().__init__()
        self.frozen = tuple(
            name
            for name, is_frozen in (
                ("identity", a.identity == "imagenet"),
                ("audio", a.audio == "sda-crema"),
            )
            if is_frozen
        )
        self.noise = a.noise
        self.identity = ResNet18(a.identity_width, "batch" if a.identity == "imagenet" else "group")
        self.audio = MelEncoder(a.audio_code) if a.audio == "mel" else SdaEncoder()
        self.lstm = nn.LSTM(code_length(a) + a.noise, a.hidden, batch_first=True)
        if a.movement:
            # beside the LSTM and 0 at first, so that a network that never moved can learn it and keep its lips
            self.moves = nn.Linear(PARTS, a.hidden, bias=False)
            nn.init.zeros_(self.moves.weight)
            self.register_buffer("donors", torch.zeros(DONORS, LENGTH, PARTS))
            self.register_buffer("given", torch.zeros((), dtype=torch.int64))
        skips = self.identity.channels if a.output == "identity" else None
        self.cnn = UpsamplingCNN(a.hidden, size, a.widest, a.narrowest, skips)
        for name in self.frozen:
            self.get_submodule(name).requires_grad_(False)

    def train(self, mode: bool = True) -> Generator:
        """Frozen parts stay in evaluation mode: their running statistics are part of their weights."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    def condition(self, identity: Tensor, audio: Tensor) -> Condition:
        """c of identity frames [B, 3, H, W] in -1..1 and audio windows [B, T, ...]."""
        embedding, maps = self.identity(identity)
        sound = self.audio(audio)
        seen = embedding[:, None].expand(-1, sound.shape[1], -1)
        return Condition(torch.cat((seen, sound), dim=2), identity, maps)

    def features(self, condition: Condition, z: Tensor, moves: Tensor | None = None) -> Tensor:
        """[B, T, hidden]: the LSTM over c and z [B, noise], which stays the same for a whole clip; with
        `movement` moves [B, T, PARTS] are added."""
        code = condition.code
        heard = torch.cat((code, z[:, None].expand(-1, code.shape[1], -1)), dim=2)
        with torch.autocast(heard.device.type, enabled=False):  # oneDNN: no LSTM in bf16 on AVX2
            out: Tensor = self.lstm(heard.to(self.lstm.weight_ih_l0.dtype))[0]
        return out if moves is None else out + self.moves(moves)

    @torch.no_grad()
    def keep(self, moves: Tensor) -> None:
        """One movement [LENGTH, PARTS] more to draw from; the oldest of DONORS goes."""
        self.donors[int(self.given) % DONORS] = moves
        self.given += 1

    def draw(self, features: Tensor, condition: Condition) -> Tensor:
        """Frames [B, T, 3, H, W] in -1..1 of features [B, T, hidden]."""
        b, t = features.shape[:2]
        frames: Tensor = self.cnn(features.flatten(0, 1), condition.identity, condition.maps)
        return frames.view(b, t, *frames.shape[1:])

    def forward(
        self, identity: Tensor, audio: Tensor, z: Tensor, moves: Tensor | None = None
    ) -> Tensor:
        condition = self.condition(identity, audio)
        return self.draw(self.features(condition, z, moves), condition)


class Discriminator(nn.Module):
    """The logit of D(x|c): [B, T, 3, H, W] and c [B, T, C] -> [B].

    3D convolutions that halve height and width down to 4 px and leave time alone, a mean over time,
    and a linear head. c joins as channels, the same at every place of its frame.
    """

    def __init__(self, code: int, size: int, width: int, beside: int = 8) -> None:
        super().__init__()
        self.code = nn.Linear(code, beside)
        layers: list[nn.Module] = []
        cin, cout = 3 + beside, width
        for _ in range((size // 4).bit_length() - 1):
            layers += [
                nn.Conv3d(cin, cout, (3, 4, 4), stride=(1, 2, 2), padding=1),
                nn.LeakyReLU(0.2),
            ]
            cin, cout = cout, min(2 * cout, 8 * width)
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(cin * 4 * 4, 1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        b, t, _, h, w = x.shape
        beside = self.code(code).transpose(1, 2)[..., None, None].expand(b, -1, t, h, w)
        both = torch.cat((x.transpose(1, 2), beside), dim=1)
        seen = self.layers(both.contiguous(memory_format=torch.channels_last_3d))
        logit: Tensor = self.head(seen.mean(dim=2).flatten(1))
        return logit.squeeze(1)

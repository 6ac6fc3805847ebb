"""Audio encoders for generators: one vector per video frame.

`MelEncoder` is small and learns with its generator. `SdaEncoder` is that of Vougioukas, Petridis &
Pantic, Realistic Speech-Driven Facial Animation with GANs (2019), under the parameter names of its
published file, so that `crema.dat` loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thbench.api import SAMPLES_PER_FRAME, UserError, Waveform, reading
from thbench_speech.mel import COLUMNS, FILTERS, log_mel, windows_of

SDA_WINDOW = 3200
SDA_PADDING = 1280
SDA_CODE = 256


class MelEncoder(nn.Module):
    """[B, T, 40, 20] log-mel windows -> [B, T, code]; every frame by itself."""

    def __init__(self, code: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(FILTERS, width, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),  # 20 -> 10 columns
            nn.ReLU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),  # 10 -> 5
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(width * (COLUMNS // 4), code),
        )

    def forward(self, windows: Tensor) -> Tensor:
        b, t = windows.shape[:2]
        coded: Tensor = self.layers(windows.flatten(0, 1))
        return coded.view(b, t, -1)


def sda_windows(audio: Waveform, n_frames: int) -> NDArray[np.float32]:
    """[n_frames, 3200] raw windows of 0.2 s, one every 640 samples, with 1280 zeros before the first.

    Samples are scaled to -1..1 and doubled, as the reference does; what lies outside the audio is 0.
    """
    padded = np.zeros((n_frames - 1) * SAMPLES_PER_FRAME + SDA_WINDOW, np.float32)
    heard = audio[: len(padded) - SDA_PADDING]
    padded[SDA_PADDING : SDA_PADDING + len(heard)] = heard * np.float32(2 / 32767)
    windows = np.lib.stride_tricks.sliding_window_view(padded, SDA_WINDOW)
    return np.ascontiguousarray(windows[::SAMPLES_PER_FRAME])


def heard(encoder: str, audio: Waveform, n_frames: int) -> NDArray[np.float32]:
    """What an encoder is given at each frame: [n_frames, 40, 20] log-mel windows for `mel`, [n_frames, 3200]
    samples for `sda` and `sda-crema`. Audio of another length than the video is followed by silence or cut.
    """
    if encoder == "mel":
        return windows_of(log_mel(audio, n_frames), n_frames)
    return sda_windows(audio, n_frames)


class _SdaConvolutions(nn.Module):
    """[N, 1, 3200] -> [N, code]; kernel, stride and padding from the published configuration."""

    def __init__(self, code: int) -> None:
        super().__init__()
        shapes = [
            (1, 16, 80, 16, 32),
            (16, 32, 4, 2, 1),
            (32, 64, 4, 2, 1),
            (64, 128, 4, 2, 1),
            (128, 256, 10, 5, 3),
        ]
        self.cl = nn.ModuleList(
            nn.Conv1d(cin, cout, kernel, stride, padding)
            for cin, cout, kernel, stride, padding in shapes
        )
        self.activations = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(cout), nn.ReLU()) for _, cout, *_ in shapes
        )
        self.cl.append(nn.Conv1d(256, code, 5))
        self.activations.append(nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        for convolution, activation in zip(self.cl, self.activations, strict=True):
            x = activation(convolution(x))
        return x.flatten(1)


class SdaEncoder(nn.Module):
    """[B, T, 3200] raw windows -> [B, T, 256]. 1,490,896 parameters at code 256."""

    def __init__(self, code: int = SDA_CODE) -> None:
        super().__init__()
        self.encoder = _SdaConvolutions(code)
        self.rnn = nn.GRU(code, 256, num_layers=2, batch_first=True)

    def forward(self, windows: Tensor) -> Tensor:
        b, t, samples = windows.shape
        coded = self.encoder(windows.reshape(b * t, 1, samples)).view(b, t, -1)
        out: Tensor = self.rnn(coded)[0]
        return out


def load_sda(encoder: SdaEncoder, file: Path) -> None:
    """Put the published weights in. Raises UserError where the file is not what it should be."""
    with reading(file, _FETCH):
        content = torch.load(file, map_location="cpu", weights_only=True)
    state = content.get("encoder") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise UserError(f"{file.name} holds no `encoder`", _FETCH)
    _load(encoder, state, file)


_FETCH = "fetch it again: thbench weights fetch sda-crema"


def _load(encoder: SdaEncoder, state: Mapping[str, Any], file: Path) -> None:
    try:
        encoder.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file.name}: weights do not fit: {reason}", _FETCH) from error

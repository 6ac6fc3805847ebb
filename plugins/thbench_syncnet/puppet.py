"""The embedded network `puppet-v1`: SyncNet's two-stream form, small, for the puppet dataset only.

Five frames of the mouth region and 20 MFCC columns of the same 0.2 s go to unit vectors that are near
where they belong together. It was trained by `train_puppet.py` on the puppets' training actors and
knows nothing of real faces: its numbers are comparable with themselves only.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from thbench.api import Frames, Video, Waveform
from thbench_syncnet import PUPPET_WEIGHTS as WEIGHTS
from thbench_syncnet.calls import in_batches
from thbench_syncnet.distance import window_count
from thbench_syncnet.features import file_digest, sound_windows
from thbench_syncnet.networks import LIP_FRAMES
from thbench_syncnet.sound import require_sound

DIMENSIONS = 128
SEEN = 64
"""Values that describe one frame."""
SIZE = 48
"""Height and width of the mouth region in pixels, whatever the video's size."""
LEFT, RIGHT, TOP, BOTTOM = 0.32, 0.68, 0.52, 0.88
"""The mouth region as shares of the frame; puppets move within it."""


def mouth_region(frames: Frames) -> Frames:
    """[T, S, S, 3] RGB -> [T, 48, 48, 3] RGB: area filter where it shrinks, bilinear where it grows."""
    size = frames.shape[1]
    rows = slice(round(TOP * size), round(BOTTOM * size))
    columns = slice(round(LEFT * size), round(RIGHT * size))
    cut = frames[:, rows, columns]
    how = cv2.INTER_AREA if cut.shape[1] >= SIZE else cv2.INTER_LINEAR
    resized = np.empty((len(cut), SIZE, SIZE, 3), np.uint8)
    for t, frame in enumerate(cut):
        resized[t] = cv2.resize(frame, (SIZE, SIZE), interpolation=how)
    return resized


def _convolution(
    cin: int, cout: int, kernel: int, stride: int | tuple[int, int]
) -> list[nn.Module]:
    conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(cout), nn.ReLU()]


def _head(inputs: int) -> list[nn.Module]:
    hidden = 256
    return [
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, DIMENSIONS),
    ]


class PuppetNet(nn.Module):
    """Two streams into one space of unit vectors.

    SyncNet joins the five frames of a window in its first layer, this network in its last two, so
    that every frame is seen once and not five times.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.frame_stream = nn.Sequential(
            *_convolution(3, 24, 5, 2),  # 48 -> 24 px
            *_convolution(24, 48, 3, 2),
            *_convolution(48, 64, 3, 2),
            *_convolution(64, 64, 3, 2),  # 3 px
            nn.Flatten(),
            nn.Linear(64 * 9, SEEN),
        )
        self.lip_head = nn.Sequential(*_head(LIP_FRAMES * SEEN))
        self.sound_stream = nn.Sequential(
            *_convolution(1, 24, 3, 1),  # 13 coefficients x 20 columns
            *_convolution(24, 48, 3, (1, 2)),
            *_convolution(48, 64, 3, 2),
            *_convolution(64, 64, 3, 2),  # 4 x 3
            nn.Flatten(),
            *_head(64 * 12),
        )
        # Mean and inverse spread of each MFCC coefficient over the training clips.
        self.register_buffer("mean", torch.zeros(13, 1))
        self.register_buffer("scale", torch.ones(13, 1))

    def see(self, frames: Tensor) -> Tensor:
        """[N, 3, 48, 48] RGB 0..255 -> [N, 64], one description per frame."""
        seen: Tensor = self.frame_stream(frames.float() / 127.5 - 1)
        return seen

    def lip(self, windows: Tensor) -> Tensor:
        """[N, 5, 64] descriptions of five consecutive frames -> [N, 128] of length 1."""
        return nn.functional.normalize(self.lip_head(windows.flatten(1)))

    def sound(self, windows: Tensor) -> Tensor:
        """[N, 1, 13, 20] MFCC -> [N, 128] of length 1."""
        return nn.functional.normalize(
            self.sound_stream((windows.float() - self.mean) * self.scale)
        )


def five_in_a_row(seen: Tensor) -> Tensor:
    """[..., T, 64] -> [..., T - 4, 5, 64]: window i is frames i..i+4."""
    return seen.unfold(-2, LIP_FRAMES, 1).transpose(-1, -2)


def load_puppet_net(path: Path = WEIGHTS) -> PuppetNet:
    network = PuppetNet()
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)


class PuppetFeatures:
    """[2, W, 128] float32 unit vectors: lip windows, then audio windows; W as for SyncNet.

    Raises ClipFailure for a video without audio or with silence only.
    """

    def __init__(self, batch: int) -> None:
        self._network, self._batch = load_puppet_net(), batch
        self.identity = (
            f"syncnet_features/1 puppet-v1 sha256:{file_digest(WEIGHTS)[:12]} "
            f"mouth region of the whole frame, {SIZE} px, fp32"
        )

    def __call__(self, video: Video) -> NDArray[np.float32]:
        return puppet_features(video.frames, require_sound(video.audio), self._network, self._batch)


def puppet_features(
    frames: Frames, audio: Waveform, network: PuppetNet, batch: int
) -> NDArray[np.float32]:
    """[2, W, 128] of [T, S, S, 3] RGB frames and [samples] int16 audio; W may be 0."""
    windows = window_count(len(frames), len(audio))
    if windows == 0:
        return np.empty((2, 0, DIMENSIONS), np.float32)

    def mouths(i: int, j: int) -> Tensor:
        return torch.from_numpy(mouth_region(frames[i:j])).permute(0, 3, 1, 2)

    seen = in_batches(network.see, mouths, windows + LIP_FRAMES - 1, batch)
    rows, heard = five_in_a_row(torch.from_numpy(seen).float()), sound_windows(audio, windows)
    lip = in_batches(network.lip, lambda i, j: rows[i:j], windows, batch)
    sound = in_batches(network.sound, lambda i, j: heard[i:j], windows, batch)
    return np.stack([lip, sound]).astype(np.float32, copy=False)

"""Frames and sound in, one feature per window and stream out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import Frames, Waveform
from thbench_speech.mfcc import mfcc
from thbench_syncnet.calls import SameBytes, Stream, in_batches, short_or_whole
from thbench_syncnet.distance import window_count
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import DIMENSIONS, LIP_FRAMES, MFCC_COLUMNS, SIZE
from thbench_syncnet.tracking import Cropped

MFCC_PER_FRAME = 4
BLOCK = 16
"""Calls of the lip network whose frames are resized at once."""
SOUND_ROWS = 8
"""Audio windows per lip window in one call: they are small, and 32 at once are 1.5 times as fast as 4."""


def lip_frames(frames: Frames) -> NDArray[np.uint8]:
    """[T, H, W, 3] RGB -> [T, 224, 224, 3] BGR by bilinear resize, 0..255, as the reference feeds them."""
    if frames.shape[1:3] == (SIZE, SIZE):
        return frames[..., ::-1]
    resized = [cv2.resize(f, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR) for f in frames]
    return np.stack(resized).astype(np.uint8, copy=False)[..., ::-1]


def lip_windows(frames: NDArray[np.uint8], start: int, stop: int) -> Tensor:
    """Windows start..stop-1 as [N, 15, H, W] uint8; window i is frames i..i+4, frame-major channels."""
    shifted = [frames[start + t : stop + t] for t in range(LIP_FRAMES)]
    return torch.from_numpy(np.concatenate(shifted, axis=-1)).permute(0, 3, 1, 2)


def sound_windows(audio: Waveform, windows: int) -> Tensor:
    """[windows, 1, 13, 20] float64; window i is MFCC columns 4 i .. 4 i + 19, which start with frame i."""
    columns = torch.from_numpy(mfcc(audio))
    cut = columns.unfold(0, MFCC_COLUMNS, MFCC_PER_FRAME)  # [starts, 13, 20]
    return cut[:windows, None]


def window_features(
    frames: Frames | Cropped,
    audio: Waveform,
    network: Folded,
    batch: int,
    same_bytes: SameBytes | None = None,
) -> NDArray[np.floating]:
    """[2, W, 1024]: features of the lip windows, then of the audio windows; W may be 0.

    frames      [T, H, W, 3] RGB uint8, or a face cut out of them
    audio       [samples] int16
    batch       lip windows in every call of the network, audio windows eight times as many: fixed shapes
    same_bytes  asked whether the convolutions of a last call may have fewer; they may not if None
    returns     float64 from a float64 network, else float32
    """
    windows = window_count(len(frames), len(audio))
    dtype = np.float64 if network.precision == torch.float64 else np.float32
    if windows == 0:
        return np.empty((2, 0, DIMENSIONS), dtype)
    found = np.empty((2, windows, DIMENSIONS), dtype)
    for start in range(0, windows, BLOCK * batch):  # whole calls, so that their rows stay the same
        stop = min(start + BLOCK * batch, windows)
        lips = lip_frames(frames[start : stop + LIP_FRAMES - 1])
        cut = partial(lip_windows, lips)
        last = _last(network.lip, batch, same_bytes, "lips")
        found[0, start:stop] = in_batches(network.lip, cut, stop - start, batch, last)
    heard, rows = sound_windows(audio, windows), SOUND_ROWS * batch
    last = _last(network.sound, rows, same_bytes, "sound")
    found[1] = in_batches(network.sound, lambda i, j: heard[i:j], windows, rows, last)
    return found


def _last(
    network: Stream, batch: int, same_bytes: SameBytes | None, name: str
) -> Callable[[Tensor], Tensor] | None:
    """What sees the last rows of a video, where fewer than a whole call may be seen."""
    if same_bytes is None:
        return None
    return lambda part: short_or_whole(network, part, batch, same_bytes, name)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Frames and sound in, one feature per window and stream out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import Frames, Waveform
from thbench_speech.mfcc import mfcc
from thbench_syncnet.distance import window_count
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import DIMENSIONS, LIP_FRAMES, MFCC_COLUMNS, SIZE

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
    frames: Frames, audio: Waveform, network: Folded, batch: int
) -> NDArray[np.floating]:
    """[2, W, 1024]: features of the lip windows, then of the audio windows; W may be 0.

    frames   [T, H, W, 3] RGB uint8
    audio    [samples] int16
    batch    lip windows in every call of the network, audio windows eight times as many: fixed shapes
    returns  float64 from a float64 network, else float32
    """
    windows = window_count(len(frames), len(audio))
    dtype = np.float64 if network.precision == torch.float64 else np.float32
    if windows == 0:
        return np.empty((2, 0, DIMENSIONS), dtype)
    found = np.empty((2, windows, DIMENSIONS), dtype)
    for start in range(0, windows, BLOCK * batch):  # whole calls, so that their rows stay the same
        stop = min(start + BLOCK * batch, windows)
        found[0, start:stop] = _lip_block(frames[start : stop + LIP_FRAMES - 1], network, batch)
    heard = sound_windows(audio, windows)
    found[1] = in_batches(network.sound, lambda i, j: heard[i:j], windows, SOUND_ROWS * batch)
    return found


def _lip_block(frames: Frames, network: Folded, batch: int) -> NDArray[np.floating]:
    lips, windows = lip_frames(frames), len(frames) - LIP_FRAMES + 1
    return in_batches(network.lip, lambda i, j: lip_windows(lips, i, j), windows, batch)


def in_batches(
    network: Callable[[Tensor], Tensor],
    inputs: Callable[[int, int], Tensor],
    total: int,
    batch: int,
) -> NDArray[np.floating]:
    """[total, D]: the network over `inputs(i, j)`, rows i..j-1 of its input; float64 or float32.

    Every call has `batch` rows, the last one filled up with copies of its first row: another shape
    would take another kernel and round differently.
    """
    found: Tensor | None = None
    with torch.inference_mode():
        for start in range(0, total, batch):
            part = inputs(start, min(start + batch, total))
            filled = torch.cat([part, part[:1].expand(batch - len(part), *part.shape[1:])])
            rows = network(filled)[: len(part)]
            if found is None:
                kind = torch.float64 if rows.dtype == torch.float64 else torch.float32
                found = torch.empty((total, *rows.shape[1:]), dtype=kind)
            found[start : start + len(part)] = rows
    assert found is not None, "no row was asked for"
    return found.numpy()


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

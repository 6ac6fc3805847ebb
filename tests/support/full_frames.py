"""Puppets in a full frame, as a camera would have filmed them: a wall, a head off the middle."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from thbench.api import Frames, Waveform
from thbench.video import write_h264, write_lossless
from thbench_puppet.dataset import make

CLIPS = ("1019_MTI_FEA_XX", "1043_IOM_FEA_XX", "1017_TSI_NEU_XX")
WIDTH, HEIGHT, HEAD = 320, 240, 160


def filmed(clip: str, n: int = 8) -> tuple[Frames, Waveform]:
    """[n, 240, 320, 3] and the sound of that span."""
    source = make(clip, HEAD)
    wall = np.random.default_rng(int(clip[:4])).integers(60, 200, (30, 40, 3)).astype(np.uint8)
    scene = cv2.resize(wall, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    frames = np.repeat(scene[None], n, axis=0)
    frames[:, 50 : 50 + HEAD, 75 : 75 + HEAD] = source.frames[:n]
    return frames, source.audio[: n * 640]


def write(folder: Path, clip: str, frames: Frames, audio: Waveform, lossless: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{clip}{'.mkv' if lossless else '.mp4'}"
    (write_lossless if lossless else write_h264)(path, frames, audio)
    return path


def resized(frames: Frames, width: int, height: int) -> Frames:
    how = cv2.INTER_AREA if width < frames.shape[2] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(f, (width, height), interpolation=how) for f in frames])

"""Faces of other sizes than the network's: every frame is resized, none is lost, channels are BGR."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from thbench.api import ClipFailure
from thbench_speech.mfcc import mfcc
from thbench_syncnet.features import (
    DIMENSIONS,
    SIZE,
    SOUND_ROWS,
    lip_frames,
    lip_windows,
    sound_windows,
    window_features,
)
from thbench_syncnet.sound import require_sound


@pytest.mark.parametrize("size", [64, SIZE - 1, SIZE, SIZE + 1, 256])
@pytest.mark.parametrize("n", [1, 5, 7])
def test_every_frame_is_resized(size: int, n: int) -> None:
    frames = np.random.default_rng(size).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    out = lip_frames(frames)
    assert (out.shape, out.dtype) == ((n, SIZE, SIZE, 3), np.uint8)
    for t in range(n):
        expected = cv2.resize(frames[t], (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        assert np.array_equal(out[t], expected[..., ::-1])


def test_an_upright_picture_is_resized_on_both_sides() -> None:
    assert lip_frames(np.zeros((2, SIZE, 100, 3), np.uint8)).shape == (2, SIZE, SIZE, 3)
    assert lip_frames(np.zeros((2, 100, SIZE, 3), np.uint8)).shape == (2, SIZE, SIZE, 3)


def test_windows_are_five_frames_in_a_row_frame_major() -> None:
    frames = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.ones((9, 2, 2, 3), np.uint8)
    frames[..., 2] += 100
    windows = lip_windows(frames, 1, 5)
    assert windows.shape == (4, 15, 2, 2)
    for i in range(4):
        shown = [v for t in range(1 + i, 6 + i) for v in (t, t, t + 100)]
        assert windows[i, :, 0, 0].tolist() == shown


def test_sound_windows_begin_with_their_frames() -> None:
    audio = np.random.default_rng(1).integers(-9000, 9000, 12 * 640).astype(np.int16)
    columns = mfcc(audio)
    windows = sound_windows(audio, 3)
    assert windows.shape == (3, 1, 13, 20)
    for i in range(3):
        assert np.array_equal(windows[i, 0].numpy(), columns[4 * i : 4 * i + 20].T)


def fake(precision: torch.dtype, calls: list[tuple[str, int]]) -> Any:
    """A network whose features are the mean of each window."""

    def stream(name: str) -> Any:
        def features(x: Tensor) -> Tensor:
            calls.append((name, len(x)))
            return x.double().flatten(1).mean(1, keepdim=True).expand(-1, DIMENSIONS)

        return features

    return SimpleNamespace(precision=precision, lip=stream("lip"), sound=stream("sound"))


def test_lips_come_first_and_sound_in_larger_batches() -> None:
    frames = np.random.default_rng(2).integers(0, 256, (9, SIZE, SIZE, 3), dtype=np.uint8)
    audio = np.random.default_rng(3).integers(-9000, 9000, 9 * 640).astype(np.int16)
    calls: list[tuple[str, int]] = []
    found = window_features(frames, audio, fake(torch.float64, calls), batch=2)
    n = found.shape[1]
    assert found.shape == (2, n, DIMENSIONS) and n > 2 and found.dtype == np.float64
    assert set(calls) == {("lip", 2), ("sound", 2 * SOUND_ROWS)}
    lips = [frames[i : i + 5].mean() for i in range(n)]
    assert found[0, :, 0] == pytest.approx(lips)
    assert found[1, :, 0] == pytest.approx(sound_windows(audio, n).mean((1, 2, 3)).numpy())
    assert window_features(frames, audio, fake(torch.float32, []), batch=2).dtype == np.float32


def test_a_clip_too_short_has_no_window() -> None:
    frames, audio = np.zeros((3, 8, 8, 3), np.uint8), np.ones(3 * 640, np.int16)
    found = window_features(frames, audio, fake(torch.float32, []), batch=2)
    assert found.shape == (2, 0, DIMENSIONS) and found.dtype == np.float32


def test_there_must_be_sound() -> None:
    loud = np.full(99, 5000, np.int16)
    assert require_sound(loud) is loud
    with pytest.raises(ClipFailure, match="no audio track"):
        require_sound(None)
    with pytest.raises(ClipFailure, match="silent: no sample reaches -60 dB"):
        require_sound(np.ones(99, np.int16))

"""Faces of other sizes than the network's: every frame is resized, none is lost, channels are BGR."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from thbench_syncnet.features import SIZE, lip_frames, lip_windows


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

"""Windows of frames by their indices, and frames at a network's size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from thbench.api import ClipFailure
from thbench_fid.resize import tensorflow1
from thbench_fvd.windows import Windows, prepare


@pytest.mark.parametrize(
    ("windows", "n", "expected"),
    [
        (Windows(3), 4, [[1, 2, 3]]),
        (Windows(3), 40, [[1, 2, 3]]),
        (Windows(3, start=0), 3, [[0, 1, 2]]),
        (Windows(3, stride=2), 6, [[1, 3, 5]]),
        (Windows(2, stride=3, count=2), 9, [[1, 4], [5, 8]]),
        (Windows(3, count=2), 7, [[1, 2, 3], [4, 5, 6]]),
        (Windows(3, count=0), 9, [[1, 2, 3], [4, 5, 6]]),
        (Windows(3, count=0), 10, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (Windows(1, stride=5, count=0, start=0), 3, [[0], [1], [2]]),
    ],
)
def test_which_frames_a_window_has(windows: Windows, n: int, expected: list[list[int]]) -> None:
    assert windows.of(n).tolist() == expected


@pytest.mark.parametrize(
    ("windows", "n", "needed"),
    [
        (Windows(3), 3, 4), (Windows(3, start=0), 2, 3), (Windows(3, stride=2), 5, 6),
        (Windows(3, count=2), 6, 7), (Windows(3, count=0), 3, 4), (Windows(2, start=5), 0, 7),
    ],
)  # fmt: skip
def test_a_clip_that_is_too_short(windows: Windows, n: int, needed: int) -> None:
    with pytest.raises(ClipFailure, match=f"too short: {n} frames, needs {needed}"):
        windows.of(n)
    assert len(windows.of(needed)) == (windows.count or 1)


def test_windows_say_what_they_are() -> None:
    assert Windows().identity == "16 frames, stride 1, from frame 1, 1 per clip"
    assert Windows(8, 2, 0, 0).identity == "8 frames, stride 2, from frame 0, all per clip"


def frames(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (2, height, width, 3), dtype=np.uint8)


def bilinear(x: np.ndarray, height: int, width: int) -> torch.Tensor:
    """[3, T, height, width] in -1..1."""
    t = torch.tensor(x).permute(0, 3, 1, 2).double()
    t = F.interpolate(t, (height, width), mode="bilinear", align_corners=False)
    return (t / 127.5 - 1).transpose(0, 1)


@pytest.mark.parametrize(
    ("size", "grown", "top", "left"),
    [
        ((12, 20), (8, 14), 0, 3),
        ((20, 12), (14, 8), 3, 0),
        ((12, 12), (8, 8), 0, 0),
        ((5, 7), (8, 12), 0, 2),
    ],
)
def test_the_middle_is_cut_out(size: Any, grown: Any, top: int, left: int) -> None:
    x = frames(*size)
    found = prepare(x, 8, "crop", torch.float64)
    expected = bilinear(x, *grown)[:, :, top : top + 8, left : left + 8]
    assert found.shape == (3, 2, 8, 8)
    assert torch.allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("size", [(12, 20), (20, 12), (8, 8)])
def test_both_sides_are_stretched(size: tuple[int, int]) -> None:
    x = frames(*size)
    found = prepare(x, 8, "stretch", torch.float64)
    assert torch.allclose(found, bilinear(x, 8, 8), atol=1e-12)
    old = tensorflow1(torch.tensor(x).permute(0, 3, 1, 2).double(), 8)
    found = prepare(x, 8, "tf", torch.float64)
    assert torch.allclose(found, (old / 127.5 - 1).transpose(0, 1), atol=1e-12)


def test_black_and_white() -> None:
    x = np.zeros((1, 8, 8, 3), np.uint8)
    x[:, :, :, 1] = 255
    found = prepare(x, 8, "stretch")
    assert found.dtype == torch.float32
    assert found[:, 0, 0, 0].tolist() == [-1.0, 1.0, -1.0]

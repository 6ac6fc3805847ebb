"""Frame-wise squared error as pure functions of frames."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_motion.flow import require_two, resized

__all__ = ["frame_wise_mse", "wrapped_frame_wise_mse"]


def frame_wise_mse(frames: Frames, resize: int = 0) -> float:
    """F-MSE: mean over pixels, three channels and consecutive frames of the squared difference, 0..65025.

    Squares are summed as integers, so the only roundings are the two divisions, in float64.

    Args:
        frames: [T, H, W, 3] uint8, T >= 2.

    Raises:
        ClipFailure: fewer than two frames.

    Source: the thesis's section 6.
    """
    require_two(frames)
    pairs = pairwise(resized(frames, resize))
    means = [_sum_of_squares(np.subtract(b, a, dtype=np.int32)) / a.size for a, b in pairs]
    return float(np.mean(means))


def _sum_of_squares(x: NDArray[np.int32]) -> int:
    # cv2.norm(..., NORM_L2SQR) is no substitute: it squares a rounded root
    return int(np.square(x).sum(dtype=np.int64))


def wrapped_frame_wise_mse(frames: Frames, resize: int = 128) -> float:
    """The same with difference and square in uint8, modulo 256: only to reproduce published numbers, 0..255.

    A difference of 16 counts 256 mod 256 = 0, one of 15 counts 225.

    Raises:
        ClipFailure: fewer than two frames.

    Source: what the published evaluation script of Diffused Heads computes.
    """
    require_two(frames)
    squares = np.square(np.arange(256, dtype=np.uint16)).astype(np.uint8)  # of a difference mod 256
    pairs = pairwise(resized(frames, resize))
    # np.subtract on two uint8 arrays wraps, which is the point
    means = [squares[np.subtract(b, a)].mean(dtype=np.float64) for a, b in pairs]
    return float(np.mean(means, dtype=np.float64))

"""Which frames of a clip a network of video sees, and how they are brought to its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from thbench.api import ClipFailure, Frames, on_device
from thbench_fid.resize import tensorflow1

__all__ = ["Resize", "Windows", "prepare"]

Resize: TypeAlias = Literal["stretch", "crop", "tf"]


@dataclass(frozen=True)
class Windows:
    """`length` frames, `stride` apart, the first window from frame `start` (1 leaves the identity frame out).

    `count` windows follow each other without overlap; 0 takes all that fit.
    """

    length: int = 16
    stride: int = 1
    start: int = 1
    count: int = 1

    @property
    def identity(self) -> str:
        several = "all" if self.count == 0 else str(self.count)
        return f"{self.length} frames, stride {self.stride}, from frame {self.start}, {several} per clip"

    def of(self, n_frames: int) -> NDArray[np.intp]:
        """[n, length] indices of frames. Raises ClipFailure where `count` windows (1 for 0) do not fit."""
        span = (self.length - 1) * self.stride + 1
        fit = max(0, (n_frames - self.start) // span)
        wanted = self.count or 1
        if fit < wanted:
            needed = self.start + wanted * span
            raise ClipFailure(f"too short: {n_frames} frames, needs {needed}")
        starts = self.start + span * np.arange(self.count or fit)
        return starts[:, None] + self.stride * np.arange(self.length)


def prepare(
    frames: Frames,
    side: int,
    resize: Resize,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Tensor:
    """[T, H, W, 3] uint8 -> [3, T, side, side] of `dtype` in -1..1.

    stretch  each side to `side`, bilinear with half-pixel centres, no antialiasing (StyleGAN-V, cd-fvd)
    crop     the shorter side to `side`, likewise, then the middle (VideoGPT, common_metrics)
    tf       each side to `side` as `tf.image.resize_bilinear` of TensorFlow 1 (the original code)

    The first two are the same for square frames, which is what thbench scores.
    """
    x = on_device(frames, device).permute(0, 3, 1, 2).to(dtype)
    if resize == "tf":
        x = tensorflow1(x, side)
    else:
        height, width = _size(x.shape[2], x.shape[3], side, resize)
        x = F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
        top, left = (height - side) // 2, (width - side) // 2
        x = x[:, :, top : top + side, left : left + side]
    return (2 * x / 255 - 1).transpose(0, 1)


def _size(height: int, width: int, side: int, resize: Resize) -> tuple[int, int]:
    if resize == "stretch":
        return side, side
    scale = side / min(height, width)
    if height < width:
        return side, math.ceil(width * scale)
    return math.ceil(height * scale), side

"""Frames to the network's 299x299 input in -1..1: the three ways in public use.

FID differs by up to 8 between them, so the way belongs to a column's identity.

tf              TensorFlow 1's bilinear (no half-pixel centres, no antialiasing), then (x - 128) / 128.
                What torch-fidelity does, and torchmetrics with `antialias=False`.
legacy_pytorch  bilinear with half-pixel centres, no antialiasing, then 2 x / 255 - 1 (pytorch-fid).
clean           PIL's bicubic per channel in float (antialiased), clipped to 0..255, then
                (x - 128) / 128 (clean-fid, Parmar et al. 2022).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from thbench.api import Frames, on_device
from thbench_fid.network import SIDE

__all__ = ["Resize", "clean", "legacy_pytorch", "prepare", "tensorflow1"]

Resize: TypeAlias = Literal["tf", "legacy_pytorch", "clean"]


AT_ONCE = 4
"""Frames that are numbers of their own size at a time: sixteen of 512 px would need 200 MB beside the network."""


def prepare(frames: Frames, resize: Resize, dtype: torch.dtype, device: str = "cpu") -> Tensor:
    """[T, H, W, 3] uint8 -> [T, 3, 299, 299] of `dtype` in -1..1, channels_last, on `device`."""
    there = on_device(clean(frames) if resize == "clean" else frames, device)  # up at once
    shape = (len(frames), 3, SIDE, SIDE)
    found = torch.empty(shape, dtype=dtype, device=device, memory_format=torch.channels_last)
    for i in range(0, len(frames), AT_ONCE):
        found[i : i + AT_ONCE] = _resized(there[i : i + AT_ONCE], resize, dtype)
    return found


def _resized(frames: Tensor, resize: Resize, dtype: torch.dtype) -> Tensor:
    x = frames.permute(0, 3, 1, 2).to(dtype)  # its memory stays [T, H, W, 3]: that is channels_last
    if resize == "clean":  # PIL did it on the host, in float32 whatever the dtype
        return (x - 128) / 128
    if resize == "tf":
        return (tensorflow1(x) - 128) / 128
    return 2 * legacy_pytorch(x / 255) - 1


def tensorflow1(x: Tensor, side: int = SIDE) -> Tensor:
    """Bilinear as `tf.image.resize_bilinear` of TensorFlow 1: output i samples input i * size / side.

    [T, C, H, W] -> [T, C, side, side] in channels_last. Columns and channels are one dimension here:
    each is gathered from rows that lie in one piece, a third of the time of four dimensions.
    """
    n, c, height, width = x.shape
    channel = torch.arange(c, device=x.device)
    low, high, weight = taps(width, side, x)
    left, right = ((at[:, None] * c + channel).flatten() for at in (low, high))
    rows = x.permute(0, 2, 3, 1).reshape(n * height, width * c)
    rows = torch.lerp(
        rows.index_select(1, left), rows.index_select(1, right), weight.repeat_interleave(c)
    ).view(n, height, side * c)
    low, high, weight = taps(height, side, x)
    found = torch.lerp(rows.index_select(1, low), rows.index_select(1, high), weight[:, None])
    return found.view(n, side, side, c).permute(0, 3, 1, 2)


def taps(size: int, side: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Left neighbour, right neighbour and the right one's weight, for each of `side` outputs.

    The scale is rounded to float32 first, as TensorFlow's kernel keeps it.
    """
    scale = float(np.float32(size / side))
    at = torch.arange(side, dtype=like.dtype, device=like.device) * scale
    low = at.long()
    return low, (low + 1).clamp_max(size - 1), at - low


def legacy_pytorch(x: Tensor, side: int = SIDE) -> Tensor:
    """Bilinear with half-pixel centres, without antialiasing."""
    return F.interpolate(x, (side, side), mode="bilinear", align_corners=False)


def clean(frames: Frames, side: int = SIDE) -> NDArray[np.float32]:
    """[T, H, W, 3] uint8 -> [T, side, side, 3] float32 in 0..255, each channel through PIL's bicubic."""
    from PIL import Image

    out = np.empty((len(frames), side, side, 3), np.float32)
    for t, frame in enumerate(frames):
        for c in range(3):
            channel = Image.fromarray(frame[:, :, c].astype(np.float32))  # mode F
            out[t, :, :, c] = np.asarray(channel.resize((side, side), Image.Resampling.BICUBIC))
    return out.clip(0, 255)

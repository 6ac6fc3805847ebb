"""Between pixels and what networks see."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from thbench.api import Frames


def to_network(frames: Tensor) -> Tensor:
    """[..., H, W, 3] uint8 -> [..., 3, H, W] float32 in -1..1."""
    return frames.movedim(-1, -3).float() / 127.5 - 1


def to_pixels(images: Tensor) -> Frames:
    """[..., 3, H, W] in -1..1 -> [..., H, W, 3] uint8, rounded."""
    values = ((images.float() + 1) * 127.5).round().clamp(0, 255)
    return values.movedim(-3, -1).cpu().numpy().astype(np.uint8)

"""Where the mouth is: the box that losses weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

LIPS = slice(48, 68)
"""Landmarks of the lips, iBUG order."""
MARGIN = 0.25
"""Of the longer side of the lips' box, on every side."""


def mouth_boxes(landmarks: NDArray[Any]) -> NDArray[np.float32]:
    """[T, 68, 2] pixels -> [T, 4]: left, top, right, bottom of each mouth, with a margin."""
    lips = landmarks[:, LIPS]
    low, high = lips.min(axis=1), lips.max(axis=1)
    margin = MARGIN * (high - low).max(axis=1, keepdims=True)
    return np.concatenate((low - margin, high + margin), axis=1).astype(np.float32)


def whole_frames(n: int, size: int) -> NDArray[np.float32]:
    """[n, 4] boxes that hold everything, for clips without landmarks."""
    return np.tile(np.array([0, 0, size, size], np.float32), (n, 1))


def mouth_mask(boxes: Tensor, size: int) -> Tensor:
    """[..., 1, size, size] of 0 and 1 from boxes [..., 4] in pixels, inclusive."""
    import torch

    at = torch.arange(size, device=boxes.device)
    left, top, right, bottom = boxes.unsqueeze(-1).unbind(dim=-2)
    across = (at >= left) & (at <= right)
    down = (at >= top) & (at <= bottom)
    return (down[..., :, None] & across[..., None, :]).unsqueeze(-3).float()

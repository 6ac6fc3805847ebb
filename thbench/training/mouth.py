"""Where mouth and eyes are: the boxes that losses weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

LIPS = slice(48, 68)
"""Landmarks of the lips, iBUG order."""
EYES = slice(36, 42), slice(42, 48)
"""Those of either eye."""
MARGIN = 0.25
"""Of the longer side of the points' box, on every side."""


def mouth_boxes(landmarks: NDArray[Any]) -> NDArray[np.float32]:
    """[T, 68, 2] pixels -> [T, 4]: left, top, right, bottom of each mouth, with a margin."""
    return _boxes(landmarks[:, LIPS])


def eye_boxes(landmarks: NDArray[Any]) -> NDArray[np.float32]:
    """[T, 68, 2] pixels -> [T, 2, 4]: as `mouth_boxes`, of either eye."""
    return np.stack([_boxes(landmarks[:, eye]) for eye in EYES], axis=1)


def _boxes(points: NDArray[Any]) -> NDArray[np.float32]:
    low, high = points.min(axis=1), points.max(axis=1)
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

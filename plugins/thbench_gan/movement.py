"""How head and lids move: what the generator may be told beside the sound, which does not say it.

In training the movement is that of the clip itself, read from its landmarks; in generating it is that of a
recording of a training actor (a donor), chosen by the request's seed. A checkpoint carries its donors: numbers
per frame, relative to a first frame, that name no face.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PARTS = 7
"""Shift right, shift down, nearer, roll, yaw, pitch, lids."""
LIDS = 6
RETURN = 25
"""Frames until a head moves about the pose it starts from: a second."""
TYPICAL = np.array([0.08, 0.04, 0.01, 0.03, 0.02, 0.01, 0.04])
"""About one deviation of each; every part is divided by its own."""
DONORS, LENGTH = 64, 100
"""Recordings kept, and frames of each."""

CORNERS = (36, 39), (42, 45)
EYELIDS = (37, 41), (38, 40), (43, 47), (44, 46)
NOSE = 30
"""Landmarks of iBUG's order."""


def movement(landmarks: NDArray[Any]) -> NDArray[np.float32]:
    """[T, 68, 2] pixels -> [T, PARTS], changes since the first frame in units of TYPICAL.

    Lengths are in distances between the eyes, angles in radians. Turning and nodding show as the tip of the
    nose against the middle of the eyes.
    """
    points = landmarks.astype(np.float64)
    one, other = (points[:, list(c)].mean(axis=1) for c in CORNERS)
    middle, across = (one + other) / 2, other - one
    span, roll = np.hypot(*across.T), np.arctan2(across[:, 1], across[:, 0])
    nose = (points[:, NOSE] - middle) / span[:, None]
    yaw = nose[:, 0] * np.cos(roll) + nose[:, 1] * np.sin(roll)
    pitch = nose[:, 1] * np.cos(roll) - nose[:, 0] * np.sin(roll)
    open_ = np.mean([np.hypot(*(points[:, a] - points[:, b]).T) for a, b in EYELIDS], axis=0) / span
    parts = np.stack([*(middle / span[0]).T, np.log(span), roll, yaw, pitch, open_], axis=1)
    return ((parts - parts[0]) / TYPICAL).astype(np.float32)


def about_the_start(course: Tensor) -> Tensor:
    """[T, PARTS], first frame 0 -> the same, moved within a second to where its mean is 0.

    A head that is turned away in a recording's first frame turns back: the course of another recording,
    told as it left that one's first frame, would carry this head further away. So it moves about the pose of the
    identity frame, and starts there. Lids stay as they are told.
    """
    middle = course.mean(dim=0)
    middle[LIDS] = 0
    done = (torch.arange(len(course), device=course.device) / RETURN).clamp(max=1)
    return course - (done * done * (3 - 2 * done))[:, None] * middle


def there_and_back(n: int, length: int) -> NDArray[np.int64]:
    """[length] places in n frames, forwards, backwards, forwards, ..., so that nothing jumps."""
    period = max(2 * n - 2, 1)
    at = np.arange(length) % period
    return np.where(at < n, at, period - at)

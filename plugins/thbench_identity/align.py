"""A face brought to the place where a recognition network expects it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames

__all__ = ["SIDE", "TEMPLATE", "aligned", "placing"]

SIDE = 112
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""[5, 2] where ArcFace and SFace expect the person's right eye, left eye, nose, right and left corner of the
mouth, in pixels of 112 x 112 (Deng et al. 2019; the same numbers as in OpenCV's FaceRecognizerSF)."""


def placing(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """[2, 3] the least-squares similarity from five points [5, 2] of a picture to `TEMPLATE` (Umeyama 1991)."""
    source = np.asarray(points, np.float64)
    s, t = source.mean(axis=0), TEMPLATE.mean(axis=0)
    u, values, vt = np.linalg.svd((TEMPLATE - t).T @ (source - s))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    scale = float((values * signs).sum() / np.square(source - s).sum())
    linear = scale * u @ np.diag(signs) @ vt
    return np.column_stack([linear, t - linear @ s])


def aligned(frame: Frames, points: NDArray[np.floating]) -> Frames:
    """[112, 112, 3] uint8 RGB: the face of `frame` [H, W, 3] with its five points on `TEMPLATE`; black beyond."""
    return np.asarray(
        cv2.warpAffine(frame, placing(points), (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8
    )

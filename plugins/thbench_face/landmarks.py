"""68 landmarks of one face, and what they say of the mouth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, reading
from thbench_face.box import SquareBox, crop_resize

__all__ = ["LandmarkNet", "mouth_aperture"]

_ENLARGED = 1.1
_INPUT = 112


class LandmarkNet:
    """PFLD (Guo et al. 2019) on a 112 x 112 crop of 1.1 times the face box, RGB 0..1."""

    def __init__(self, weights: Path) -> None:
        with reading(weights, "fetch or import it again"):
            self._network = cv2.dnn.readNetFromONNX(str(weights))

    def __call__(self, frame: Frames, box: NDArray[np.float64]) -> NDArray[np.float32]:
        """[68, 2] x, y in pixels of `frame` (pixel centres at integers), iBUG order.

        Args:
            frame: [H, W, 3] uint8 RGB.
            box: [4 or more] x, y, width, height of the face in pixels, finite.
        """
        square = _enlarged(box)
        crop = crop_resize(frame, square, _INPUT)
        self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        relative = self._network.forward().reshape(68, 2)  # of the crop's side, 0..1
        corner = np.array([square.left, square.top], np.float32)
        return np.asarray(relative * square.side + corner - 0.5, np.float32)


def _enlarged(box: NDArray[np.float64]) -> SquareBox:
    side = max(2, round(_ENLARGED * max(box[2], box[3])))
    left, top = box[:2] + box[2:4] / 2 - side / 2
    return SquareBox(round(left), round(top), side)


def mouth_aperture(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Opening of the inner lips over the distance of the outer eye corners, [T] >= 0, no unit; NaN stays NaN.

    Mean distance of the three pairs of opposite inner-lip points (61-67, 62-66, 63-65).

    Args:
        landmarks: [T, 68, 2], iBUG order.
    """
    points = landmarks.astype(np.float64)
    lips = points[:, [61, 62, 63]] - points[:, [67, 66, 65]]
    opening = np.linalg.norm(lips, axis=-1).mean(axis=-1)
    return np.asarray(opening / np.linalg.norm(points[:, 36] - points[:, 45], axis=-1))

"""YuNet: all faces of one picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import reading

__all__ = ["FaceDetector"]

_OVERLAP = 0.3
"""Of two faces overlapping by more than this share the fainter is dropped."""
_MOST = 50
_SCORE = 14
"""YuNet's column of the score; 4..13 are the five points."""


class FaceDetector:
    """Finds faces with YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023).

    Pictures are brought to one longest side first: the network was trained on small faces, so large
    pictures cost time without finding more, and 64-pixel videos are found better when enlarged.
    """

    def __init__(self, weights: Path, longest_side: int = 320, min_score: float = 0.6) -> None:
        self._longest_side = longest_side
        with _without_backend_warnings(), reading(weights, "fetch or import it again"):
            self._network = cv2.FaceDetectorYN.create(
                str(weights), "", (longest_side, longest_side), min_score, _OVERLAP, _MOST
            )

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Faces [n, 5] of one [H, W, 3] uint8 RGB picture: x, y, width, height (pixels), score 0..1."""
        return self.with_points(frame)[:, :5]

    def with_points(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Faces [n, 15]: the same five numbers, then x and y (pixels) of the right eye, the left eye, the tip
        of the nose, the right and the left corner of the mouth; right is the person's own."""
        height, width = frame.shape[:2]
        scale = self._longest_side / max(height, width)
        small = cv2.resize(
            frame,
            (max(1, round(width * scale)), max(1, round(height * scale))),
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        )
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if found is None:
            return np.empty((0, 15))
        faces = np.asarray(found[:, [0, 1, 2, 3, _SCORE, *range(4, _SCORE)]], np.float64)
        sides = [width / small.shape[1], height / small.shape[0]]
        faces[:, :4] *= np.tile(sides, 2)
        faces[:, 5:] *= np.tile(sides, 5)
        return faces


@contextmanager
def _without_backend_warnings() -> Iterator[None]:
    """OpenCV 5 warns at every construction that its engine ignores a target nobody asked for."""
    logging = getattr(cv2.utils, "logging", None)
    if logging is None:
        yield
        return
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(before)

"""dlib's 68 landmarks, as the study used them; needs `pip install 'thbench[dlib]'`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, UserError, reading
from thbench_face.box import SquareBox, crop_resize

__all__ = ["DlibNet"]

_HEAD = 1.9
"""Side of the picture that dlib is shown, over the longer side of the face box."""
_SHOWN = 256
"""Pixels that picture has at least. dlib's points are whole pixels: on a 64 px head half a pixel is 4 % of
the distance of the eyes, so small heads are enlarged first (bicubic)."""
_DOWN, _HALF = 0.55, 0.475
"""Where dlib's own detector would draw its square: its middle this share of the box below the box's top,
half its side this share of the longer side."""


class DlibNet:
    """An ensemble of regression trees (Kazemi and Sullivan 2014), trained on iBUG 300-W."""

    def __init__(self, weights: Path) -> None:
        try:
            import dlib
        except ImportError as error:
            raise UserError("dlib is not installed", "`pip install 'thbench[dlib]'`") from error
        with reading(weights, "fetch or import it again"):
            self._dlib, self._predict = dlib, dlib.shape_predictor(str(weights))

    def __call__(self, frame: Frames, box: NDArray[np.float64]) -> NDArray[np.float32]:
        """[68, 2] x, y in pixels of `frame` (pixel centres at integers), iBUG order.

        Args:
            frame: [H, W, 3] uint8 RGB.
            box: [4 or more] x, y, width, height of the face in pixels, finite.
        """
        longer = float(max(box[2], box[3]))
        middle = np.array([box[0] + box[2] / 2, box[1] + _DOWN * box[3]])
        side = max(2, round(_HEAD * longer))
        head = SquareBox(*(round(float(m) - side / 2) for m in middle), side)
        size = max(side, _SHOWN)
        scale = size / side
        x, y = (middle - [head.left, head.top]) * scale
        half = _HALF * longer * scale
        edges = (round(float(v)) for v in (x - half, y - half, x + half, y + half))
        found = self._predict(crop_resize(frame, head, size), self._dlib.rectangle(*edges))
        points = np.array([(p.x, p.y) for p in found.parts()], np.float64)
        return np.asarray((points + 0.5) / scale - 0.5 + [head.left, head.top], np.float32)

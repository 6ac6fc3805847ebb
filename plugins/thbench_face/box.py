"""One steady square per clip around a moving head, and cropping to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Frames, Square

__all__ = ["TIGHT", "WIDEST", "SquareBox", "crop_resize", "smoothed_square_box"]

WIDEST = 1.6
"""Side of the square over the height of the face box (forehead to chin): hair, chin and some air."""
TIGHT = 1.21
"""The same of a crop as videos of 128 px are published: the face box is 0.54 of the side wide, not 0.42."""
NARROWEST = 1.35
"""Where the picture is no larger, the square shrinks with it down to this before it leaves it."""
UPWARDS = 0.06
"""The head's middle lies this share of the face's height above the face box's: hair is above it."""


@dataclass(frozen=True)
class SquareBox:
    """Left, top and side in whole pixels; it may reach beyond the picture."""

    left: int
    top: int
    side: int

    def of(self, frame: Frames) -> Square:
        """The same square, knowing the [H, W, 3] picture it belongs to."""
        height, width = frame.shape[:2]
        return Square(self.left, self.top, self.side, width, height)


def smoothed_square_box(
    boxes: NDArray[np.float64], height: int, width: int, widest: float = WIDEST
) -> SquareBox:
    """The square that holds the head, hair and chin included, throughout a clip.

    Its middle and size are medians over the frames, so it stands still however the detector
    trembles; it grows by the head's own travel (5th to 95th percentile). It is moved inside the
    picture where it fits, and centred on the picture along a side where it does not.

    Args:
        boxes: [T, 4 or more] x, y, width, height of the face in pixels; rows of NaN are ignored.
        height, width: of the picture in pixels.
        widest: side of the square over the height of the face box, before the travel is added.

    Raises:
        ClipFailure: no box at all.
    """
    known = boxes[~np.isnan(boxes[:, 0]), :4]
    if not len(known):
        raise ClipFailure(f"no face in any of {len(boxes)} frames")
    face = float(np.median(np.maximum(known[:, 2], known[:, 3])))
    centres = known[:, :2] + known[:, 2:] / 2 - [0, UPWARDS * face]
    travel = float(np.ptp(np.percentile(centres, [5, 95], axis=0), axis=0).max())
    wanted = widest * face + travel
    side = round(min(wanted, max(min(height, width), min(NARROWEST, widest) * face)))
    x, y = np.median(centres, axis=0)
    return SquareBox(_placed(x, side, width), _placed(y, side, height), side)


def _placed(middle: float, side: int, extent: int) -> int:
    start = round(middle - side / 2)
    return min(max(start, 0), extent - side) if side <= extent else (extent - side) // 2


def crop_resize(frame: Frames, box: SquareBox, size: int) -> Frames:
    """[size, size, 3] uint8 of one [H, W, 3] frame: the square, resized as `thbench.api.Square.cut`."""
    return box.of(frame).cut(frame, size)

"""How one picture lies over another: shift, scale, stretch and rotation, found without any network.

Points that look alike (SIFT: Lowe, IJCV 2004) are matched, and the affine map that most matches agree
on (RANSAC: Fischler and Bolles 1981) is what was done to the picture. Moving lips, eyes and heads are
outvoted by what stands still, a blurred or compressed picture still has its points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames

__all__ = ["Alignment", "align"]

SIDE = 256
"""Pixels at which pictures are compared; smaller ones are enlarged."""
_POINTS = 800
_CONTRAST = 0.01  # of SIFT: the default, 0.04, leaves too few points on skin
_RATIO = 0.8  # of the distances of the nearest and the second match, Lowe's
_REACH = 4.0  # pixels by which a match may miss the common map
FEWEST = 13
"""Matches that must agree: of 380 pairs of unlike people one had more and lay elsewhere (docs/your_videos.md)."""


@dataclass(frozen=True)
class Alignment:
    """Where the content of a reference is found in another picture.

    right, down   shift of what is in the reference's middle, as a share of the side
    scale         above 1: the content is larger
    stretch       width over height of what is square in the reference
    turn          degrees, clockwise
    matches       points that agree on it
    share         of all matches
    """

    right: float
    down: float
    scale: float
    stretch: float
    turn: float
    matches: int
    share: float


def align(picture: Frames, reference: Frames) -> Alignment | None:
    """Find the reference's content in a picture, both [S, S, 3] uint8; None where too little agrees."""
    import cv2

    seen, wanted = _points(picture), _points(reference)
    if seen is None or wanted is None:
        return None
    pairs = cv2.BFMatcher().knnMatch(wanted[1], seen[1], k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < FEWEST:
        return None
    source = np.array([wanted[0][m.queryIdx] for m in good], np.float32)
    target = np.array([seen[0][m.trainIdx] for m in good], np.float32)
    matrix, agreeing = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_REACH
    )
    if matrix is None or int(agreeing.sum()) < FEWEST:
        return None
    return _described(np.asarray(matrix, np.float64), int(agreeing.sum()), len(good))


def _points(picture: Frames) -> tuple[NDArray[np.float32], Any] | None:
    """Positions [n, 2] in pixels at `SIDE` and descriptors [n, 128]; None with fewer than two."""
    import cv2

    how = cv2.INTER_AREA if picture.shape[0] > SIDE else cv2.INTER_CUBIC
    sized = cv2.resize(np.ascontiguousarray(picture), (SIDE, SIDE), interpolation=how)
    return _points_of(cv2.cvtColor(sized, cv2.COLOR_RGB2GRAY).tobytes())


@lru_cache(maxsize=64)
def _points_of(grey: bytes) -> tuple[NDArray[np.float32], Any] | None:
    """Remembered by the picture itself: the identity frame of a clip comes again with every system."""
    import cv2

    picture = np.frombuffer(grey, np.uint8).reshape(SIDE, SIDE)
    create: Any = cv2.SIFT_create  # type: ignore[attr-defined]  # its stubs lack it
    sift = create(nfeatures=_POINTS, contrastThreshold=_CONTRAST)
    found, described = sift.detectAndCompute(picture, None)
    if described is None or len(found) < 2:
        return None
    return np.array([point.pt for point in found], np.float32), described


def _described(m: NDArray[np.float64], matches: int, of: int) -> Alignment:
    """Of the [2, 3] map from the reference's pixels to the other picture's."""
    middle = np.full(2, (SIDE - 1) / 2)
    shift = (m[:, :2] @ middle + m[:, 2] - middle) / SIDE
    x, y = (float(np.hypot(*m[:, i])) for i in range(2))
    turn = float(np.degrees(np.arctan2(m[1, 0], m[0, 0])))
    scale, stretch = float(np.sqrt(x * y)), x / max(y, 1e-9)
    return Alignment(float(shift[0]), float(shift[1]), scale, stretch, turn, matches, matches / of)

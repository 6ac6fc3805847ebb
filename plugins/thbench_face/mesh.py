"""468 points of one face: MediaPipe's face mesh, run by OpenCV in a square that is level with the eyes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, reading

__all__ = [
    "IBUG",
    "MESH",
    "POINTS",
    "TURNED",
    "FaceMeshNet",
    "LevelSquare",
    "mesh_of",
    "no_mesh",
    "of_frames",
    "turned_away",
]

POINTS = 468
MESH: np.dtype[Any] = np.dtype(
    [
        ("points", np.float32, (POINTS, 3)),
        ("score", np.float32),
        ("turned", np.float32),
        ("found", np.bool_),
    ]
)
"""One frame's mesh, the element of the array of the extractor `face_mesh`.

points  [468, 3] x, y, z in pixels of the frame (pixel centres at integers; z in the same unit, smaller
        is nearer to the camera, its zero near the middle of the head); NaN where `found` is False
score   of the network, 0..1: that there is a face at all; NaN where no box was found to look in
turned  degrees by which the face looks past the camera to either side, 0..90 (`turned_away`); NaN where
        `found` is False
found   whether there is a box and the score is large enough
"""
Mesh: TypeAlias = NDArray[Any]

IBUG = np.array([
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # inner lips
])  # fmt: skip
"""The mesh's points that stand where iBUG's 68 do. On the jaw they are the mesh's outline, not the picture's."""

_INPUT = 192
_ENLARGED = 1.5
"""Side of the square over the longer side of the face: MediaPipe's own."""
_EYES = (33, 263)
"""Outer corners of the eyes, the person's right one first: left in the picture."""
_CHEEKS = (234, 454)
"""Points beside the ears, the person's right one first."""
TURNED = 30.0
"""Degrees of `turned_away` beyond which half of the mesh is a guess and the distance of the eyes no scale any
more: a true turn of about 45, since the network reads two thirds of one (docs/faces.md)."""
_SMALLEST = 2.0  # pixels
_TILTED = np.deg2rad(15)


class FaceMeshNet:
    """MediaPipe's face mesh (Kartynnik et al., CVPR workshops 2019) on a [192, 192, 3] uint8 RGB picture."""

    def __init__(self, weights: Path) -> None:
        # OpenCV 5's new engine, its default, loses the output of the score.
        classic = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
        engine = () if classic is None else (classic,)
        with reading(weights, "fetch or import it again"):
            self._network = cv2.dnn.readNetFromTFLite(str(weights), *engine)
        self._outputs = self._network.getUnconnectedOutLayersNames()

    def __call__(self, crop: Frames) -> tuple[NDArray[np.float64], float]:
        """[468, 3] x, y, z in pixels of the crop, its upper left corner (not pixel) 0, and the score 0..1."""
        self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        found = [np.asarray(x, np.float64).ravel() for x in self._network.forward(self._outputs)]
        (points,) = (x for x in found if x.size == POINTS * 3)
        (logit,) = (x for x in found if x.size == 1)
        return points.reshape(POINTS, 3), float(1 / (1 + np.exp(-logit[0])))


@dataclass(frozen=True)
class LevelSquare:
    """A square in the picture. x, y: its middle in pixels, the picture's corner 0; `roll` in radians, clockwise."""

    x: float
    y: float
    side: float
    roll: float = 0.0

    def cut(self, frame: Frames) -> Frames:
        """[192, 192, 3] uint8: what lies in the square; beyond the picture its edge is repeated.

        A larger square is sampled at a whole multiple of 192 and averaged: nothing aliases.
        """
        times = max(1, round(self.side / _INPUT))
        size = _INPUT * times
        scale = self.side / size
        turn = scale * self._turn()
        # pixel (i, j) of the crop is centred on (i + 1/2, j + 1/2), and so are the picture's
        start = np.array([self.x, self.y]) + turn @ np.full(2, 0.5 - size / 2) - 0.5
        crop = cv2.warpAffine(
            frame,
            np.column_stack([turn, start]),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if times > 1:
            crop = cv2.resize(crop, (_INPUT, _INPUT), interpolation=cv2.INTER_AREA)
        return np.asarray(crop, np.uint8)

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, 3] points of the crop in pixels of the frame, pixel centres at integers."""
        placed = points * (self.side / _INPUT)
        placed[:, :2] -= self.side / 2
        placed[:, :2] = placed[:, :2] @ self._turn().T + [self.x - 0.5, self.y - 0.5]
        return placed

    def _turn(self) -> NDArray[np.float64]:
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.array([[c, -s], [s, c]])


def mesh_of(
    frame: Frames, box: NDArray[np.float64], network: FaceMeshNet
) -> tuple[NDArray[np.float64], float]:
    """[468, 3] x, y, z in pixels of the frame, and the score, of the face in `box`.

    Looked at twice: in an upright square around the box, then level with the eyes and around the points
    themselves, so that neither the roll of the head nor the trembling of the box counts.

    Args:
        frame: [H, W, 3] uint8 RGB.
        box: [4 or more] x, y, width, height of the face in pixels, finite.
    """
    x, y = box[:2] + box[2:4] / 2
    square = LevelSquare(x, y, max(_SMALLEST, _ENLARGED * float(max(box[2], box[3]))))
    points, score = _look(frame, square, network)
    square = around(points[:, :2])
    points, score = _look(frame, square, network)
    if abs(square.roll) > _TILTED:  # seen upright, a tilted face's points were rough
        points, score = _look(frame, around(points[:, :2]), network)
    return points, score


def _look(
    frame: Frames, square: LevelSquare, network: FaceMeshNet
) -> tuple[NDArray[np.float64], float]:
    points, score = network(square.cut(frame))
    return square.to_frame(points), score


def around(points: NDArray[np.float64]) -> LevelSquare:
    """The square around [468, 2] points (pixels, centres at integers), level with the corners of the eyes."""
    across = points[_EYES[1]] - points[_EYES[0]]
    roll = float(np.arctan2(across[1], across[0]))
    upright = LevelSquare(0, 0, 1, roll)._turn().T
    level = points @ upright.T
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = upright.T @ ((low + high) / 2) + 0.5
    return LevelSquare(
        float(x), float(y), max(_SMALLEST, _ENLARGED * float((high - low).max())), roll
    )


def no_mesh(n_frames: int) -> Mesh:
    """[n_frames] of MESH: no face in any of them."""
    empty = np.zeros(n_frames, MESH)
    empty["points"] = np.nan
    empty["score"] = empty["turned"] = np.nan
    return empty


def of_frames(
    frames: Frames, boxes: NDArray[np.float64], network: FaceMeshNet, min_score: float
) -> Mesh:
    """[T] of MESH: the mesh of each frame that has a box; nothing is carried from frame to frame.

    Args:
        frames: [T, H, W, 3] uint8 RGB.
        boxes: [T, 4 or more] x, y, width, height in pixels; rows of NaN have no face.
        min_score: a face scored lower is none.
    """
    mesh = no_mesh(len(frames))
    for t in np.flatnonzero(~np.isnan(boxes[:, 0])):
        points, score = mesh_of(frames[t], boxes[t], network)
        mesh["score"][t] = score
        if score >= min_score:
            mesh["points"][t], mesh["found"][t] = points, True
    mesh["turned"] = turned_away(mesh["points"])
    return mesh


def turned_away(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """[T] degrees between the line across the face of [T, 468, 3] points and the picture, 0..90; NaN stays NaN.

    0 is a frontal face, whatever its roll. The network reads two thirds of a turn, and of a face in profile
    it guesses the hidden half: 60 to 75 true degrees are read as 30 to 50.
    """
    across = points[:, _CHEEKS[1]].astype(np.float64) - points[:, _CHEEKS[0]]
    flat = np.hypot(across[:, 0], across[:, 1])
    return np.asarray(np.abs(np.degrees(np.arctan2(across[:, 2], flat))))

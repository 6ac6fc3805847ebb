"""Changes of a real head: mouth, head or eyes held still, moved, enlarged, turned, brighter, compressed.

The parts are cut from one frame and laid over another by the similarity of rigid points of the mesh, with
a soft edge: what remains moves as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench.video.writer import through_h264
from thbench_expression.geometry import similarity
from thbench_expression.layout import MESH

__all__ = [
    "affine",
    "brighter",
    "changes",
    "eyes_of",
    "head_still",
    "mouth_still",
    "without_blinks",
]

Points = NDArray[np.float64]
"""[T, 468, 2 or 3] of the mesh in pixels."""
EYES = (*MESH.eyes, *MESH.brow_right, *MESH.brow_left)


def changes(points: Points, size: int) -> dict[str, Callable[[Frames], Frames]]:
    """Name -> change, for one clip whose mesh is `points`. Amounts are those of a 256 px head."""
    pixels = size / 256
    return {
        "mouth still": lambda f: mouth_still(f, points),
        "head still": lambda f: head_still(f, points),
        "no blinks": lambda f: without_blinks(f, points),
        "shift 8 px": lambda f: affine(f, shift=8 * pixels),
        "scale 1.1": lambda f: affine(f, scale=1.1),
        "roll 8 deg": lambda f: affine(f, roll=8),
        "brighter by 20": lambda f: brighter(f, 20),
        "H.264 crf 23": lambda f: through_h264(f, 23),
        "H.264 crf 35": lambda f: through_h264(f, 35),
    }


def mouth_still(frames: Frames, points: Points) -> Frames:
    """Every frame with the mouth of the first."""
    return np.stack([
        _laid_over(f, frames[0], p, points[0], MESH.lips, 0.35) for f, p in zip(frames, points, strict=True)
    ])  # fmt: skip


def head_still(frames: Frames, points: Points) -> Frames:
    """The first frame with mouth and eyes of every other."""
    found = []
    for frame, face in zip(frames, points, strict=True):
        still = _laid_over(frames[0], frame, points[0], face, MESH.lips, 0.35)
        found.append(_laid_over(still, frame, points[0], face, EYES, 0.1))
    return np.stack(found)


def without_blinks(frames: Frames, points: Points) -> Frames:
    """Every frame with the eyes of the first."""
    return eyes_of(0, frames, points)


def eyes_of(t: int, frames: Frames, points: Points) -> Frames:
    """Every frame with the eyes of frame `t`."""
    return np.stack([
        _laid_over(f, frames[t], p, points[t], MESH.eyes, 0.15) for f, p in zip(frames, points, strict=True)
    ])  # fmt: skip


def _laid_over(
    onto: Frames, source: Frames, there: Points, here: Points, part: Sequence[int], margin: float
) -> Frames:
    """`onto` with the region of `part` taken from `source`; margin in interocular distances."""
    rigid = list(MESH.rigid)
    move = similarity(here[rigid, :2], there[rigid, :2])
    size = onto.shape[1]
    matrix = np.column_stack([move.scale * move.rotation, move.shift])
    moved = cv2.warpAffine(
        source, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    io = float(np.linalg.norm(there[33, :2] - there[263, :2]))
    mask = np.zeros((size, size), np.float32)
    for group in _groups(part):
        for face in (there, move(here[:, :2])):
            hull = cv2.convexHull(np.round(face[list(group), :2]).astype(np.int32))
            cv2.fillConvexPoly(mask, hull, 1.0)
    reach = max(1, round(margin * io))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, reach / 3))[..., None]
    return np.round(onto * (1 - soft) + moved * soft).astype(np.uint8)


def _groups(part: Sequence[int]) -> list[Sequence[int]]:
    """Both eyes are two regions, a mouth is one."""
    if part == MESH.lips:
        return [part]
    right, left = MESH.eyes[:16], MESH.eyes[16:]
    if part == MESH.eyes:
        return [right, left]
    return [(*right, *MESH.brow_right), (*left, *MESH.brow_left)]


def affine(frames: Frames, shift: float = 0, scale: float = 1, roll: float = 0) -> Frames:
    """Pictures moved right and down by `shift` pixels, enlarged and turned clockwise about the middle."""
    size = frames.shape[1]
    c, s = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    linear = scale * np.array([[c, -s], [s, c]])
    middle = np.full(2, (size - 1) / 2)
    matrix = np.column_stack([linear, middle - linear @ middle + shift])
    return np.stack([
        cv2.warpAffine(f, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for f in frames
    ])  # fmt: skip


def brighter(frames: Frames, levels: int) -> Frames:
    return np.clip(frames.astype(np.int16) + levels, 0, 255).astype(np.uint8)

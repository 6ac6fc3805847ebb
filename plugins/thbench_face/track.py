"""Which of the faces in a clip is the speaker's, frame after frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure

__all__ = ["filled_boxes", "main_face", "require_faces", "require_found"]

Boxes = NDArray[np.float64]
"""[n, 5] x, y, width, height in pixels, score."""

_SAME_FACE = 0.3
"""Overlap (intersection over union) from which two boxes belong to one face."""


def main_face(faces: Sequence[Boxes], height: int, width: int) -> Boxes:
    """[T, 5 or more]: the face that is largest and most central over the clip as a whole, NaN where missing.

    Boxes are linked over time by overlap first, so that two people of like size are never mixed. The
    track with the largest sum of area x centrality wins; centrality falls from 1 in the middle of the
    picture to 0 in its corners.

    Args:
        faces: for each frame [n, 5 or more], n >= 0; further columns go with their box.
        height, width: of the frames in pixels.
    """
    columns = faces[0].shape[1] if len(faces) else 5
    tracks: list[Boxes] = []
    weights: list[float] = []
    for t, found in enumerate(faces):
        taken: set[int] = set()
        for box in found[np.argsort(-found[:, 4], kind="stable")]:
            k = _track_of(box, tracks, t, taken)
            if k == len(tracks):
                tracks.append(np.full((len(faces), columns), np.nan))
                weights.append(0.0)
            tracks[k][t] = box
            weights[k] += box[2] * box[3] * _centrality(box, height, width)
            taken.add(k)
    if not tracks:
        return np.full((len(faces), columns), np.nan)
    return tracks[int(np.argmax(weights))]


def _track_of(box: Boxes, tracks: Sequence[Boxes], t: int, taken: set[int]) -> int:
    """The free track whose last box overlaps most, or a new one's index."""
    overlaps = [
        0.0 if k in taken else _overlap(box, _last(track, t)) for k, track in enumerate(tracks)
    ]
    best = int(np.argmax(overlaps)) if overlaps else 0
    return best if overlaps and overlaps[best] >= _SAME_FACE else len(tracks)


def _last(track: Boxes, t: int) -> Boxes:
    seen = np.flatnonzero(~np.isnan(track[:t, 0]))
    return track[seen[-1]] if len(seen) else np.full(5, np.nan)


def _overlap(a: Boxes, b: Boxes) -> float:
    """Intersection over union of two boxes; 0 where one is NaN."""
    sides = np.minimum(a[:2] + a[2:4], b[:2] + b[2:4]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / float(union) if union > 0 else 0.0


def _centrality(box: Boxes, height: int, width: int) -> float:
    from_middle = box[:2] + box[2:4] / 2 - [width / 2, height / 2]
    return max(0.0, 1 - float(np.hypot(*from_middle) / np.hypot(width / 2, height / 2)))


def require_faces(boxes: Boxes, max_missing: float) -> None:
    """Raises ClipFailure where more than the share `max_missing` of [T, 5] boxes is NaN, or all are."""
    require_found(~np.isnan(boxes[:, 0]), max_missing)


def require_found(found: NDArray[np.bool_], max_missing: float, what: str = "face") -> None:
    """Raises ClipFailure where more than the share `max_missing` of [T] frames is without a face, or all are.

    `what` is it that was looked for, in words.
    """
    count, total = int(np.count_nonzero(found)), len(found)
    if count == 0:
        raise ClipFailure(f"no {what} in any of {total} frames")
    if total - count > max_missing * total:
        needed = f"at least {1 - max_missing:.0%} needed"
        raise ClipFailure(f"a {what} in only {count} of {total} frames: {needed}")


def filled_boxes(boxes: Boxes) -> Boxes:
    """[T, 5] without NaN: linear in time between the neighbours, the nearest box before and after."""
    known = np.flatnonzero(~np.isnan(boxes[:, 0]))
    times = np.arange(len(boxes))
    columns = [np.interp(times, known, boxes[known, c]) for c in range(boxes.shape[1])]
    return np.stack(columns, axis=1)

"""The face crop of the reference pipeline: follow one face, smooth its box, cut 224 x 224.

Source: `run_pipeline.py` of joonson/syncnet_python, whose constants are the defaults. What is left
out is its re-encoding (MPEG-4 and JPEG between the steps) and its shot detection: a clip of this
harness is one shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Frames
from thbench_syncnet.networks import SIZE
from thbench_syncnet.options import FeatureOptions

Boxes = NDArray[np.float64]
"""[n, 4]: left, top, right, bottom in pixels."""

SMOOTHING = 13
"""Frames of the median filter over box size and centre."""
GREY = 110
"""What lies outside the frame."""


@dataclass(frozen=True, eq=False)
class Track:
    """One face: `boxes` [n, 4] for frames first..first+n-1, gaps filled linearly; `seen` detections."""

    first: int
    boxes: Boxes
    seen: int

    @property
    def size(self) -> float:
        """The larger of mean width and mean height, pixels."""
        return float((self.boxes[:, 2:] - self.boxes[:, :2]).mean(axis=0).max())


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Intersection over union of two boxes, 0..1."""
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inter = float(np.prod(np.maximum(shared, 0)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inter
    return inter / union if union > 0 else 0.0


def follow(faces: Sequence[Boxes], iou: float, num_failed_det: int) -> list[Track]:
    """Every track in a shot, greedily from its first face on.

    faces           boxes found in each frame, best first
    iou             a face continues a track where its overlap with the last one exceeds this
    num_failed_det  a track ends where its next face is more than so many frames away
    """
    left = [list(boxes) for boxes in faces]
    tracks = []
    while any(left):
        seen: list[int] = []
        boxes: list[NDArray[np.float64]] = []
        for frame, found in enumerate(left):
            if seen and frame - seen[-1] > num_failed_det:
                break
            match = next(
                (i for i, box in enumerate(found) if not boxes or overlap(box, boxes[-1]) > iou),
                None,
            )
            if match is not None:
                boxes.append(found.pop(match))
                seen.append(frame)
        tracks.append(_filled(seen, np.stack(boxes)))
    return tracks


def _filled(seen: list[int], boxes: Boxes) -> Track:
    frames = np.arange(seen[0], seen[-1] + 1)
    filled = np.stack([np.interp(frames, seen, side) for side in boxes.T], axis=1)
    return Track(seen[0], filled, len(seen))


def choose(tracks: Sequence[Track], options: FeatureOptions) -> Track:
    """The accepted track with the most detections (the earliest of equals).

    Raises ClipFailure that counts what was rejected and why. (The reference scores every accepted
    track as a video of its own; a talking head has one.)
    """
    if not tracks:
        raise ClipFailure("tracked: no face found")
    short = [t for t in tracks if t.seen <= options.min_track]
    long = [t for t in tracks if t.seen > options.min_track]
    accepted = [t for t in long if t.size > options.min_face_size]
    if accepted:
        return max(accepted, key=lambda t: t.seen)
    reasons = []
    if short:
        longest = max(t.seen for t in short)
        reasons.append(
            f"{len(short)} too short (longest {longest} detections, needs more than {options.min_track})"
        )
    if long:
        largest = max(t.size for t in long)
        reasons.append(
            f"{len(long)} too small (largest {largest:.0f} px, needs more than {options.min_face_size})"
        )
    raise ClipFailure(f"tracked: no usable face track: {', '.join(reasons)}")


class Cropped:
    """The face of a track with its margins, the chin side longer than the forehead's, cut when asked for.

    `cropped[a:b]` are [b - a, 224, 224, 3] uint8: all of a long clip would be gigabytes.
    """

    def __init__(self, frames: Frames, track: Track, crop_scale: float) -> None:
        """frames  [T, H, W, 3] of the whole clip"""
        from scipy.signal import medfilt  # a second of imports that whole frames do without

        self._frames, self._first, self._scale = frames, track.first, crop_scale
        self._size = medfilt((track.boxes[:, 2:] - track.boxes[:, :2]).max(axis=1) / 2, SMOOTHING)
        centre = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2
        self._x, self._y = medfilt(centre[:, 0], SMOOTHING), medfilt(centre[:, 1], SMOOTHING)

    def __len__(self) -> int:
        return len(self._size)

    def __getitem__(self, span: slice) -> Frames:
        return np.stack([self._cut(i) for i in range(*span.indices(len(self)))])

    def _cut(self, i: int) -> NDArray[np.uint8]:
        frame = self._frames[self._first + i]
        return _cut(frame, self._x[i], self._y[i], self._size[i], self._scale)


def _cut(
    frame: NDArray[np.uint8], x: float, y: float, half: float, crop_scale: float
) -> NDArray[np.uint8]:
    """One crop around (x, y); `half` is half the face's size."""
    margin = int(half * (1 + 2 * crop_scale))
    padded = cv2.copyMakeBorder(
        frame, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY)
    )
    top, bottom = y + margin - half, y + margin + half * (1 + 2 * crop_scale)
    side = half * (1 + crop_scale)
    face = padded[int(top) : int(bottom), int(x + margin - side) : int(x + margin + side)]
    resized = cv2.resize(face, (SIZE, SIZE))
    return np.asarray(resized, dtype=np.uint8)

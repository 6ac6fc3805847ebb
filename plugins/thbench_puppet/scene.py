"""One clip before it is drawn, and its ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_puppet.canvas import to_pixels
from thbench_puppet.landmarks import aperture, landmarks_of
from thbench_puppet.motion import Motion, head_pose, motion_of
from thbench_puppet.render import render
from thbench_puppet.shapes import Mouth, mouth_of
from thbench_puppet.timeline import Score, score_of, visemes
from thbench_puppet.warp import Warp


@dataclass(frozen=True, eq=False)
class Scene:
    """One clip before it is drawn: everything that moves, at no size yet."""

    score: Score
    motion: Motion
    mouth: Mouth
    warp: Warp


def scene(clip_id: str) -> Scene:
    """The clip's scene, a pure function of its id."""
    score = score_of(clip_id)
    motion, mouth = motion_of(score), mouth_of(score)
    return Scene(score, motion, mouth, Warp(score.actor.face, motion, mouth.jaw))


def truth(seen: Scene, size: int) -> dict[str, NDArray[Any]]:
    """The annotations: T frames, each drawn at its middle, (t + 0.5) / 25 s, and P phonemes.

    landmarks       [T, 68, 2] float32, pixels, iBUG order
    mouth_aperture  [T] float32, distance of points 62 and 66 over that of the outer eye corners
                    (36, 45), measured on `landmarks`
    head_pose       [T, 3] float32, degrees: yaw to the picture's right, pitch upwards, roll clockwise
    blink           [T] float32, 0 open to 1 closed
    viseme          [T] int64, index into `sentences.VISEMES`
    phonemes        [P, 3] float64, start and end in seconds, index into `sentences.PHONEMES`;
                    silence (0) at both ends included, no gaps
    """
    points = to_pixels(landmarks_of(seen.score, seen.motion, seen.mouth, seen.warp), size)
    points = points.astype(np.float32)
    return {
        "landmarks": points,
        "mouth_aperture": aperture(points),
        "head_pose": head_pose(seen.motion),
        "blink": seen.motion.blink.astype(np.float32),
        "viseme": visemes(seen.score),
        "phonemes": seen.score.phonemes,
    }


def drawn(seen: Scene, size: int) -> tuple[Frames, dict[str, NDArray[Any]]]:
    """[T, size, size, 3] uint8 RGB of a scene, and its annotations."""
    return render(seen.score, seen.motion, seen.mouth, seen.warp, size), truth(seen, size)

"""The dataset: clips by name, rendered once and kept losslessly in the cache."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, ClipFailure, Context, Missing, Source, UserError
from thbench_puppet import VERSION, Options
from thbench_puppet.canvas import to_pixels
from thbench_puppet.corruptions import corrupt
from thbench_puppet.landmarks import aperture, landmarks_of
from thbench_puppet.motion import Motion, head_pose, motion_of
from thbench_puppet.names import all_clips, clip_ids
from thbench_puppet.render import render
from thbench_puppet.score import Score, score_of, visemes
from thbench_puppet.shapes import Mouth, mouth_of
from thbench_puppet.speech import synthesise
from thbench_puppet.warp import Warp

SIZES = range(32, 513)


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


def make(clip_id: str, size: int) -> Source:
    """The uncorrupted clip, drawn afresh: a pure function of its id and size."""
    seen = scene(clip_id)
    frames = render(seen.score, seen.motion, seen.mouth, seen.warp, size)
    return Source(frames, synthesise(seen.score), truth(seen, size))


class Puppet:
    """91 drawn actors speaking CREMA-D's twelve sentences: 7,462 clips of 25 fps and 16 kHz."""

    version = VERSION
    synthetic = True

    def __init__(self, options: Options, context: Context) -> None:
        self.options = options
        code = context.source(__name__)  # what other code drew is never served
        self.cache = context.cache / f"{VERSION}-{code[:12]}"

    def missing(self) -> Sequence[Missing]:
        """Nothing: every clip is made on demand."""
        return ()

    def clips(self) -> Sequence[Clip]:
        return all_clips()

    def load(self, clip: Clip, size: int) -> Source:
        """The clip at `size` px, from the cache where it was rendered before.

        Raises UserError for a size outside 32..512 and ClipFailure for a clip the cast cannot play.
        """
        if size not in SIZES:
            raise UserError(f"puppet cannot be drawn at {size} px", "choose a size from 32 to 512")
        if clip.id not in clip_ids():
            raise ClipFailure(f"puppet has no clip {clip.id}")
        path = self.cache / str(size) / f"{clip.id}.npz"
        source = _read(path)
        if source is None:
            source = make(clip.id, size)
            _write(path, source)
        return corrupt(source, self.options.corruption, self.options.amount, clip.id)


def _write(path: Path, source: Source) -> None:
    """Store atomically; the frames as one tall PNG, which is lossless and a third of the size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strip = source.frames.reshape(-1, *source.frames.shape[2:])
    _, png = cv2.imencode(".png", strip, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        np.savez(file, allow_pickle=False, png=png, audio=source.audio, **source.annotations)
    Path(name).replace(path)


def _read(path: Path) -> Source | None:
    """What `_write` stored, or None where that is absent or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    strip = cv2.imdecode(arrays.pop("png"), cv2.IMREAD_COLOR)
    if strip is None:
        return None
    frames = strip.reshape(-1, strip.shape[1], strip.shape[1], 3)
    return Source(frames, arrays.pop("audio"), arrays)

"""Controlled changes of what a clip shows, drawn anew with exact truth: for asking measures of faces what they see.

Where `corruptions.py` damages pictures and sound, this changes the face itself (mouth, head or eyes held
still, another actor) or where it is in the picture (moved, enlarged, turned). The sound stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Source
from thbench_puppet.actors import ACTORS, actor
from thbench_puppet.landmarks import aperture
from thbench_puppet.scene import Scene, drawn, scene
from thbench_puppet.shapes import mouth_of
from thbench_puppet.timeline import Track
from thbench_puppet.warp import Warp

HEAD = ("yaw", "pitch", "roll", "shift_x", "shift_y")


def changed(source: Source, kind: str, amount: float, clip_id: str) -> Source:
    """`source`, the clean clip `clip_id`, under the change of that name; amount 0 gives it back as it is."""
    return source if amount == 0 else CHANGES[kind](source, amount, clip_id)


def mouth(source: Source, amount: float, clip_id: str) -> Source:
    """The mouth moves less by the share `amount` (1: as in the first frame throughout, jaw included)."""
    return _mouthed(source, clip_id, lambda track: _stilled(track, amount))


def mouth_delay(source: Source, amount: float, clip_id: str) -> Source:
    """The mouth moves `amount` frames of 40 ms after head, eyes and sound (negative: before them)."""

    def late(track: Track) -> Track:
        at = np.clip(np.arange(len(track)) - round(amount), 0, len(track) - 1)
        return np.asarray(track[at])

    return _mouthed(source, clip_id, late)


def head(source: Source, amount: float, clip_id: str) -> Source:
    """The head turns and moves less by the share `amount` (1: as in the first frame throughout)."""
    seen = scene(clip_id)
    still = {name: _stilled(getattr(seen.motion, name), amount) for name in HEAD}
    motion = replace(seen.motion, **still)
    return _redrawn(source, replace(seen, motion=motion, warp=replace(seen.warp, motion=motion)))


def blinks(source: Source, amount: float, clip_id: str) -> Source:
    """Blinks close the eyes less by the share `amount` (1: nobody blinks)."""
    seen = scene(clip_id)
    motion = replace(seen.motion, blink=seen.motion.blink * (1 - amount))
    return _redrawn(source, replace(seen, motion=motion, warp=replace(seen.warp, motion=motion)))


def identity(source: Source, amount: float, clip_id: str) -> Source:
    """The actor `amount` places further in the cast plays the clip, with the same movements."""
    seen = scene(clip_id)
    other = ACTORS[(ACTORS.index(seen.score.actor.name) + round(amount)) % len(ACTORS)]
    score = replace(seen.score, actor=actor(other))
    played = mouth_of(score)
    warp = Warp(score.actor.face, seen.motion, played.jaw)
    return _redrawn(source, Scene(score, seen.motion, played, warp))


def shift(source: Source, amount: float, clip_id: str = "") -> Source:
    """The picture moves right and down by `amount` pixels of a 128 px frame; its edge is repeated."""
    pixels = amount * source.frames.shape[1] / 128
    return _moved(source, np.array([[1, 0, pixels], [0, 1, pixels]]))


def scale(source: Source, amount: float, clip_id: str = "") -> Source:
    """The picture is enlarged by the share `amount` about its middle."""
    return _moved(source, _about_the_middle(source, np.eye(2) * (1 + amount)))


def roll(source: Source, amount: float, clip_id: str = "") -> Source:
    """The picture is turned clockwise by `amount` degrees about its middle."""
    c, s = np.cos(np.deg2rad(amount)), np.sin(np.deg2rad(amount))
    turned = _moved(source, _about_the_middle(source, np.array([[c, -s], [s, c]])))
    pose = turned.annotations["head_pose"] + np.array([0, 0, amount], np.float32)
    return replace(turned, annotations={**turned.annotations, "head_pose": pose})


CHANGES: Mapping[str, Callable[[Source, float, str], Source]] = {
    "mouth": mouth,
    "mouth_delay": mouth_delay,
    "head": head,
    "blinks": blinks,
    "identity": identity,
    "shift": shift,
    "scale": scale,
    "roll": roll,
}


def _stilled(track: Track, amount: float) -> Track:
    return np.asarray(track + amount * (track[0] - track))


def _mouthed(source: Source, clip_id: str, moved: Callable[[Track], Track]) -> Source:
    """The clip with every track of its mouth passed through `moved`, the jaw following."""
    seen = scene(clip_id)
    tracks = {f.name: getattr(seen.mouth, f.name) for f in fields(seen.mouth) if f.name != "face"}
    played = replace(seen.mouth, **{name: moved(track) for name, track in tracks.items()})
    warp = Warp(seen.warp.face, seen.motion, played.jaw)
    return _redrawn(source, replace(seen, mouth=played, warp=warp))


def _redrawn(source: Source, seen: Scene) -> Source:
    frames, annotations = drawn(seen, source.frames.shape[1])
    return replace(source, frames=frames, annotations=annotations)


def _about_the_middle(source: Source, linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """[2, 3] affine map of pixel centres that leaves the middle of the picture where it is."""
    middle = np.full(2, (source.frames.shape[1] - 1) / 2)
    return np.column_stack([linear, middle - linear @ middle])


def _moved(source: Source, affine: NDArray[np.float64]) -> Source:
    """Pictures and landmarks under [2, 3] `affine`, which maps pixels of the old picture to the new."""
    side = source.frames.shape[1]
    frames = np.stack([
        cv2.warpAffine(f, affine, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for f in source.frames
    ])  # fmt: skip
    annotations: dict[str, NDArray[Any]] = dict(source.annotations)
    points = annotations["landmarks"].astype(np.float64) @ affine[:, :2].T + affine[:, 2]
    annotations["landmarks"] = points.astype(np.float32)
    annotations["mouth_aperture"] = aperture(annotations["landmarks"])
    return replace(source, frames=frames, annotations=annotations)

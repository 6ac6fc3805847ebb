"""Which frames enter a set: all of them, or a fixed choice of `max_frames`, the same for every system.

The rule: the key of frame t of clip c is number t of the splitmix64 stream that starts at the first 8
bytes of SHA-256(c), and the frames with the smallest keys are taken. The choice depends on neither order, neighbours nor the system: two systems
that cover the same clips are compared on the same frames, and so is the reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, Observed

__all__ = ["FEATURES", "FramePart", "chosen", "frame_keys", "frame_parts", "stacked"]

FEATURES = "features"
"""Name of the array [T, d] float32 in an observation."""


@dataclass(frozen=True, eq=False)
class FramePart:
    """The features [t, d] that one clip contributes to a set."""

    clip: Clip
    features: NDArray[np.floating]


def frame_keys(clip_id: str, n: int) -> NDArray[np.uint64]:
    """Keys of frames 0..n-1: splitmix64 (Steele et al. 2014) from a start of the clip's own."""
    start = int.from_bytes(hashlib.sha256(clip_id.encode()).digest()[:8], "big")
    z = np.uint64(start) + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def chosen(counts: Sequence[tuple[str, int]], max_frames: int) -> list[NDArray[np.intp]]:
    """For clips (id, frames): the indices of each that are kept; `max_frames` 0 keeps all."""
    total = sum(n for _, n in counts)
    if not max_frames or total <= max_frames:
        return [np.arange(n) for _, n in counts]
    keys = [frame_keys(clip_id, n) for clip_id, n in counts]
    limit = np.partition(np.concatenate(keys), max_frames - 1)[max_frames - 1]
    return [np.flatnonzero(k <= limit) for k in keys]


def frame_parts(
    observed: Sequence[Observed], frames_row: str, max_frames: int = 0
) -> Iterator[FramePart]:
    """The chosen features clip by clip, in the order given; one clip is in memory at a time.

    `frames_row` names the row that holds each clip's number of frames, so that the choice is made
    before any array is loaded.
    """
    counts = [(o.clip.id, int(o.rows[frames_row])) for o in observed]
    for o, kept in zip(observed, chosen(counts, max_frames), strict=True):
        if len(kept):
            features = np.asarray(o.arrays[FEATURES])
            # all of them are not copied: a long clip has hundreds of megabytes
            yield FramePart(o.clip, features if len(kept) == len(features) else features[kept])


def stacked(parts: Iterator[FramePart]) -> NDArray[np.floating]:
    """All chosen features as one array [n, d]; [0, 0] without any."""
    arrays = [part.features for part in parts]
    if len(arrays) == 1:  # a long clip by itself is not copied
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.zeros((0, 0), np.float32)

"""Control rows: what known videos score, so that a number can be judged.

Each control is a pure function of the references. None stores a second copy of a picture that a
reference already has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thbench.api import SAMPLES_PER_FRAME, Clip, ClipFailure, Frames, Waveform

GROUND_TRUTH = "ground-truth"
H264 = "ground-truth-h264"
STILL = "still-identity"
MISMATCHED = "mismatched-audio"
DELAYED = "delayed-audio"
HALVES = "reference-halves"
CONTROLS = (GROUND_TRUTH, H264, STILL, MISMATCHED, DELAYED, HALVES)
"""All control rows, in the order of tables; `reference-halves` exists for set metrics only."""

DELAY_FRAMES = 3
H264_CRF = 23

ABOUT = {
    GROUND_TRUTH: "the references scored as a system",
    H264: f"the references through H.264 at crf {H264_CRF}, their sound untouched",
    STILL: "the identity frame, held still, with the true speech",
    MISMATCHED: "the references with another clip's speech",
    DELAYED: f"the references with the sound {DELAY_FRAMES} frames late: AV offset moves by -{DELAY_FRAMES}",
    HALVES: "half of the reference actors against the other half: the floor of set metrics",
}


@dataclass(frozen=True, eq=False)
class Variation:
    """What a control changes of its reference; None keeps the reference's own."""

    frames: Frames | None = None
    audio: Waveform | None = None
    through_h264: bool = False


def partners(clips: Sequence[Clip]) -> dict[str, str]:
    """A fixed derangement: clip id -> id of the clip whose speech it gets, of another sentence.

    Clips are ordered by (sentence, id) and rotated by the size of the largest sentence group, which
    changes the sentence of every clip wherever that is possible at all. Clips without a `sentence`
    label count as sentences of their own.
    """
    ordered = sorted(clips, key=lambda c: (_sentence(c), c.id))
    if not ordered:
        return {}
    shift = max(Counter(_sentence(c) for c in ordered).values())
    rotated = ordered[shift % len(ordered) :] + ordered[: shift % len(ordered)]
    return {
        a.id: b.id for a, b in zip(ordered, rotated, strict=True) if _sentence(a) != _sentence(b)
    }


def _sentence(clip: Clip) -> str:
    return clip.labels.get("sentence", f"\0{clip.id}")


def still(identity_frame: Frames, n_frames: int) -> Variation:
    """[H, W, 3] held for n_frames; a view, which takes the memory of one frame."""
    return Variation(frames=np.broadcast_to(identity_frame, (n_frames, *identity_frame.shape)))


def mismatched(audio: Waveform, other: Waveform | None) -> Variation:
    """Another clip's speech, trimmed or padded with silence to this clip's length.

    Raises ClipFailure where the split holds no clip of another sentence.
    """
    if other is None:
        raise ClipFailure("no clip of another sentence to take the speech from")
    return Variation(audio=_fit(other, len(audio)))


def delayed(audio: Waveform, frames: int = DELAY_FRAMES) -> Variation:
    """The sound `frames` late, cut to its length."""
    silence = np.zeros(frames * SAMPLES_PER_FRAME, dtype=np.int16)
    return Variation(audio=_fit(np.concatenate([silence, audio]), len(audio)))


def _fit(audio: Waveform, length: int) -> Waveform:
    return np.pad(audio[:length], (0, max(0, length - len(audio))))


def halves(actors: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Every second actor in sorted order, and the others. Raises ClipFailure below two actors."""
    ordered = sorted(set(actors))
    if len(ordered) < 2:
        raise ClipFailure("one actor cannot be split in halves")
    return frozenset(ordered[::2]), frozenset(ordered[1::2])

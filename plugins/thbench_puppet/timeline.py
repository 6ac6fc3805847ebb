"""The score of a clip: which sound is due when, and the mouth shape that goes with it.

Everything here is a function of time alone, sampled 200 times a second (every 80 samples, eight
times a frame); voice and face both read it, which is why their true offset is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, SAMPLE_RATE
from thbench_puppet.acting import Acting, acting
from thbench_puppet.actors import Actor, actor
from thbench_puppet.names import parts_of
from thbench_puppet.seeds import generator
from thbench_puppet.sentences import GLIDES, PHONEMES, SENTENCES, SOUNDS, VISEMES, Sound

CONTROL_RATE = 200
PER_FRAME = CONTROL_RATE // FPS
SAMPLES_PER_STEP = SAMPLE_RATE // CONTROL_RATE
Track = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A stretch with one target. `share` is the part of a stop: 0 closure, 1 release."""

    start: float
    end: float
    phoneme: int
    sound: Sound
    stress: float
    release: bool = False


@dataclass(frozen=True, eq=False)
class Score:
    """One clip's timing.

    phonemes [P, 3] start and end in seconds, index into PHONEMES
    times    [K] seconds of the control steps
    open, width, round, tongue, press, tuck [K] the mouth: opening 0..1, width -1..1, rounding 0..1,
             tongue 0..1, lips pressed together 0..1, lower lip under the teeth 0..1
    """

    clip_id: str
    actor: Actor
    acting: Acting
    n_frames: int
    segments: tuple[Segment, ...]
    phonemes: NDArray[np.float64]
    times: Track
    open: Track
    width: Track
    round: Track
    tongue: Track
    press: Track
    tuck: Track


def _written(sentence: str) -> list[tuple[str, float]]:
    """(phoneme, stress) of a sentence; stressed vowels 1, others 0."""
    tokens = SENTENCES[sentence].split()
    return [(token.rstrip("1"), float(token.endswith("1"))) for token in tokens]


def _length(name: str) -> float:
    """Calm length of a phoneme in seconds."""
    parts = GLIDES.get(name, (name,))
    return sum(SOUNDS[part].ms for part in parts) * (0.82 if len(parts) > 1 else 1.0) / 1000


def _spoken(clip_id: str) -> list[tuple[str, float, float]]:
    """(phoneme, stress, seconds) of the clip, silences at both ends included."""
    name, sentence, emotion, level = parts_of(clip_id)
    rng = generator("timing", clip_id)
    pace = 1.04 / (actor(name).voice.tempo * (1 + acting(emotion, level).tempo))
    words = _written(sentence)
    spoken = [("SIL", 0.0, 0.30 + 0.22 * rng.random())]
    for place, (phoneme, stress) in enumerate(words):
        final = 1.35 if place >= len(words) - 3 else 1.0
        jitter = 0.90 + 0.20 * rng.random()
        spoken.append(
            (phoneme, stress, _length(phoneme) * pace * jitter * final * (1 + 0.2 * stress))
        )
    return [*spoken, ("SIL", 0.0, 0.32 + 0.24 * rng.random())]


def _split(name: str, start: float, end: float, stress: float) -> list[Segment]:
    """A phoneme's segments: glides have two targets, stops a closure and a release."""
    index = PHONEMES.index(name)
    targets = [SOUNDS[part] for part in GLIDES.get(name, (name,))]
    if targets[0].stop:
        middle = start + (0.5 if name == "JH" else 0.68) * (end - start)
        return [
            Segment(start, middle, index, targets[0], stress),
            Segment(middle, end, index, targets[0], stress, release=True),
        ]
    edges = (
        np.linspace(start, end, len(targets) + 1)
        if len(targets) == 1
        else [start, start + 0.56 * (end - start), end]
    )
    return [
        Segment(float(a), float(b), index, target, stress)
        for a, b, target in zip(edges[:-1], edges[1:], targets, strict=True)
    ]


def _timeline(clip_id: str) -> tuple[list[Segment], NDArray[np.float64], int]:
    """Segments, phoneme table and frame count; the last silence fills the last frame."""
    spoken = _spoken(clip_id)
    n_frames = int(np.ceil(sum(length for _, _, length in spoken) * FPS))
    segments: list[Segment] = []
    table = []
    start = 0.0
    for place, (name, stress, length) in enumerate(spoken):
        end = n_frames / FPS if place == len(spoken) - 1 else start + length
        segments += _split(name, start, end, stress)
        table.append((start, end, PHONEMES.index(name)))
        start = end
    return segments, np.asarray(table, dtype=np.float64), n_frames


def _pull(segments: list[Segment], times: Track) -> NDArray[np.float64]:
    """[K, S] weights of the segments' targets over time: dominance in the sense of Cohen & Massaro (1993)."""
    centre = np.array([(s.start + s.end) / 2 for s in segments])
    spread = np.array([max(0.46 * (s.end - s.start), 0.020) for s in segments])
    weight = np.array([s.sound.weight * (0.35 if s.release else 1.0) for s in segments])
    pull = weight * np.exp(-0.5 * ((times[:, None] - centre) / spread) ** 2) + 1e-12
    return np.asarray(pull / pull.sum(axis=1, keepdims=True))


def _nearness(segments: list[Segment], times: Track, viseme: str) -> Track:
    """[K] 0..1, how much the mouth is at a segment of that viseme."""
    near = np.zeros_like(times)
    for s in segments:
        if s.sound.viseme == viseme and not s.release:
            reach = 0.5 * (s.end - s.start) + 0.012
            near = np.maximum(near, np.exp(-((np.abs(times - (s.start + s.end) / 2) / reach) ** 4)))
    return near


def _wide_open(segment: Segment) -> float:
    return segment.sound.open * (0.86 + 0.26 * segment.stress)


def score_of(clip_id: str) -> Score:
    """The score of a clip, a pure function of its id."""
    name, _, emotion, level = parts_of(clip_id)
    segments, phonemes, n_frames = _timeline(clip_id)
    times = np.arange(n_frames * PER_FRAME + 1) / CONTROL_RATE
    pull = _pull(segments, times)
    press = _nearness(segments, times, "PP")
    return Score(
        clip_id=clip_id,
        actor=actor(name),
        acting=acting(emotion, level),
        n_frames=n_frames,
        segments=tuple(segments),
        phonemes=phonemes,
        times=times,
        open=pull @ np.array([_wide_open(s) for s in segments]) * (1 - press),
        width=pull @ np.array([s.sound.width for s in segments]),
        round=pull @ np.array([s.sound.round for s in segments]),
        tongue=pull @ np.array([s.sound.tongue for s in segments]),
        press=press,
        tuck=_nearness(segments, times, "FF"),
    )


def at_frames(score: Score, track: Track) -> Track:
    """A control track at the middle of every frame: [T]."""
    middles = (np.arange(score.n_frames) + 0.5) / FPS
    return np.interp(middles, score.times, track)


def _segment_at_frames(score: Score) -> NDArray[np.int64]:
    middles = (np.arange(score.n_frames) + 0.5) / FPS
    ends = np.array([s.end for s in score.segments])
    return np.minimum(np.searchsorted(ends, middles, side="right"), len(ends) - 1)


def visemes(score: Score) -> NDArray[np.int64]:
    """[T] index into VISEMES of the sound due at the middle of each frame."""
    kinds = np.array([VISEMES.index(s.sound.viseme) for s in score.segments])
    return np.asarray(kinds[_segment_at_frames(score)])

"""Head, gaze, blinks: smooth seeded processes, one value per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS
from thbench_puppet.seeds import generator
from thbench_puppet.speech import voicing
from thbench_puppet.timeline import Score, Track, at_frames


@dataclass(frozen=True, eq=False)
class Motion:
    """Per frame, [T] each.

    yaw, pitch, roll  degrees: to the picture's right, upwards, clockwise
    shift_x, shift_y  of the head, half image widths
    blink             0 open, 1 closed
    gaze_x, gaze_y    -1..1 of the iris's room
    lift              brows rising with emphasis, 0..1
    """

    yaw: Track
    pitch: Track
    roll: Track
    shift_x: Track
    shift_y: Track
    blink: Track
    gaze_x: Track
    gaze_y: Track
    lift: Track


def _wander(rng: np.random.Generator, times: Track, rates: tuple[float, ...]) -> Track:
    """A smooth process of about unit size: sines of random rate and phase."""
    total = np.zeros_like(times)
    for rate in rates:
        own = rate * (0.8 + 0.4 * rng.random())
        total += np.sin(2 * np.pi * (own * times + rng.random())) * (0.6 + 0.4 * rng.random())
    return np.asarray(total / len(rates) ** 0.5)


def _blinks(rng: np.random.Generator, times: Track) -> Track:
    """Blinks every two to four seconds, never in the first quarter second."""
    closed = np.zeros_like(times)
    moment = 0.35 + 1.4 * rng.random()
    while moment < times[-1]:
        away = times - moment
        closed = np.maximum(closed, np.exp(-((away / np.where(away < 0, 0.055, 0.085)) ** 2)))
        moment += 1.2 + 2.4 * rng.random()
    return np.where(closed < 0.02, 0.0, closed)


def _gaze(rng: np.random.Generator, times: Track) -> Track:
    """Fixations joined by quick saccades."""
    edges = np.cumsum(0.35 + 0.9 * rng.random(24))
    levels = np.concatenate([[0.0], rng.uniform(-1, 1, 24) * (rng.random(24) < 0.6)])
    target = levels[np.searchsorted(edges, times)]
    previous = levels[np.searchsorted(edges, times - 1 / FPS)]
    return 0.8 * target + 0.2 * previous


def motion_of(score: Score) -> Motion:
    """Head, gaze and blinks of a clip, a pure function of its score."""
    rng = generator("motion", score.clip_id)
    times = (np.arange(score.n_frames) + 0.5) / FPS
    lively = score.actor.liveliness * (1 + score.acting.vigour)
    beat = np.clip(at_frames(score, voicing(score)) - 0.35, 0, 1)
    beat = np.convolve(np.pad(beat, 3, mode="edge"), np.hanning(9)[1:-1] / 4, mode="valid")
    slow = (0.17, 0.41, 0.73)
    return Motion(
        yaw=lively * 4.2 * _wander(rng, times, slow),
        pitch=lively * (2.2 * _wander(rng, times, slow) - 3.0 * beat) + score.acting.nod,
        roll=lively * 2.2 * _wander(rng, times, slow),
        shift_x=lively * 0.012 * _wander(rng, times, slow),
        shift_y=lively * (0.008 * _wander(rng, times, slow) + 0.012 * beat),
        blink=_blinks(rng, times),
        gaze_x=_gaze(rng, times),
        gaze_y=0.6 * _gaze(rng, times),
        lift=np.clip(0.8 * beat * lively + 0.15 * _wander(rng, times, (0.3, 0.8)), -0.2, 1),
    )


def head_pose(motion: Motion) -> NDArray[np.float32]:
    """[T, 3] yaw, pitch, roll in degrees."""
    return np.stack([motion.yaw, motion.pitch, motion.roll], axis=1).astype(np.float32)

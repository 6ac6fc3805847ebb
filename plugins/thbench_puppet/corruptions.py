"""Controlled damage to a clip, for asking a metric whether it notices.

Pure functions on `api.Source`: the input is never changed, and what is random hangs on the clip's
id alone. Ground truth goes with what it describes: picture annotations follow the frames shown,
phoneme times follow the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, SAMPLES_PER_FRAME, Frames, Source
from thbench_puppet.seeds import generator

PICTURE = ("landmarks", "mouth_aperture", "head_pose", "blink", "viseme")
"""Annotations that say what a frame shows."""


def corrupt(source: Source, kind: str, amount: float, clip_id: str) -> Source:
    """`source` with the corruption of that name; `none` and amount 0 give it back as it is."""
    return source if kind == "none" or amount == 0 else CORRUPTIONS[kind](source, amount, clip_id)


def delay(source: Source, amount: float, clip_id: str = "") -> Source:
    """Audio `amount` frames of 40 ms later (negative: earlier); silence fills, the length stays."""
    shift = round(amount * SAMPLES_PER_FRAME)
    audio = np.zeros_like(source.audio)
    n = len(audio)
    if abs(shift) < n:
        audio[max(shift, 0) : n + min(shift, 0)] = source.audio[max(-shift, 0) : n - max(shift, 0)]
    annotations = dict(source.annotations)
    if "phonemes" in annotations:
        times = annotations["phonemes"].copy()
        times[:, :2] += shift / (FPS * SAMPLES_PER_FRAME)
        annotations["phonemes"] = times
    return replace(source, audio=audio, annotations=annotations)


def blur(source: Source, amount: float, clip_id: str = "") -> Source:
    """Gaussian blur of sigma `amount` pixels of a 128 px frame, scaled to the frame's size."""
    sigma = amount * source.frames.shape[1] / 128
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in source.frames])
    return replace(source, frames=frames)


def freeze(source: Source, amount: float, clip_id: str = "") -> Source:
    """The last `amount` (0..1) of the frames repeat the frame before them; the first always stays."""
    n = len(source.frames)
    last = max(n - 1 - round(amount * n), 0)
    return _shown(source, np.minimum(np.arange(n), last))


def drop(source: Source, amount: float, clip_id: str = "") -> Source:
    """A share `amount` (0..1) of the frames, chosen by clip id, are replaced by their predecessors."""
    n = len(source.frames)
    order = 1 + generator("drop", clip_id).permutation(n - 1)
    shown = np.arange(n)
    shown[order[: round(amount * (n - 1))]] = 0
    return _shown(source, np.maximum.accumulate(shown))


def brightness(source: Source, amount: float, clip_id: str = "") -> Source:
    """Brightness drifts evenly from 0 at the first frame to `amount` grey levels at the last."""
    n = len(source.frames)
    gain = amount * np.arange(n) / max(n - 1, 1)
    return replace(source, frames=_rounded(source.frames + gain[:, None, None, None]))


def noise(source: Source, amount: float, clip_id: str = "") -> Source:
    """Gaussian noise of sigma `amount` grey levels, fresh in every pixel, seeded by clip id."""
    grain = generator("noise", clip_id).standard_normal(source.frames.shape, dtype=np.float32)
    return replace(source, frames=_rounded(source.frames + amount * grain))


def shuffle(source: Source, amount: float, clip_id: str) -> Source:
    """A share `amount` (0..1) of the frames, chosen by clip id, change places; the first always stays.

    The set of frames is the same, so that only what looks at their order can notice.
    """
    n = len(source.frames)
    moved = 1 + generator("shuffle", clip_id).permutation(n - 1)[: round(amount * (n - 1))]
    shown = np.arange(n)
    shown[np.sort(moved)] = moved
    return _shown(source, shown)


CORRUPTIONS: Mapping[str, Callable[[Source, float, str], Source]] = {
    "delay": delay,
    "blur": blur,
    "freeze": freeze,
    "drop": drop,
    "brightness": brightness,
    "noise": noise,
    "shuffle": shuffle,
}


def _shown(source: Source, frame: NDArray[np.intp]) -> Source:
    """The source with frame `frame[t]` shown at t."""
    annotations: dict[str, NDArray[Any]] = {
        name: values[frame] if name in PICTURE else values
        for name, values in source.annotations.items()
    }
    return replace(source, frames=source.frames[frame], annotations=annotations)


def _rounded(values: NDArray[np.floating]) -> Frames:
    return np.asarray(np.round(np.clip(values, 0, 255)), dtype=np.uint8)

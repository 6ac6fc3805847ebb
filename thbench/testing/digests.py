"""What a plugin makes, as digests: equal bytes, equal text, in this process or another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    Clip,
    ClipFailure,
    Dataset,
    Failure,
    Generated,
    Generator,
    Metric,
    Pair,
    Request,
)
from thbench.video import MediaReader, annotations_digest, audio_digest, frames_digest, video_digest


def answers(generator: Generator, requests: Sequence[Request]) -> dict[str, str]:
    """Clip id -> digest of the video, or the reason for none. Files are read while they exist."""
    return {a.clip_id: answer(a) for a in generator.generate(list(requests))}


def answer(given: Generated | Failure) -> str:
    """Digest of one answer."""
    if isinstance(given, Failure):
        return f"failure: {given.reason}"
    if given.file is not None:
        recording = MediaReader().read(given.file)
        return video_digest(frames_digest(recording.frames), audio_digest(recording.audio))
    frames: Any = given.frames
    return video_digest(frames_digest(frames), audio_digest(given.audio))


def observations(metric: Metric, pairs: Sequence[Pair]) -> list[str]:
    """Digest of each observation, or the reason for none."""
    return [observation(metric, pair) for pair in pairs]


def observation(metric: Metric, pair: Pair) -> str:
    """Digest of all rows and arrays of one observation."""
    try:
        seen = metric.observe(pair)
    except ClipFailure as failure:
        return f"failure: {failure.reason}"
    rows = {name: np.float64(value) for name, value in seen.rows.items()}
    return named_digest({**{f"row {k}": v for k, v in rows.items()}, **seen.arrays})


def named_digest(arrays: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array: NDArray[Any] = np.ascontiguousarray(arrays[name])
        total.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def sources(dataset: Dataset, wanted: tuple[Sequence[Clip], int]) -> tuple[list[Clip], list[str]]:
    """All clips, and the digests of those wanted at a size."""
    clips, size = wanted
    return list(dataset.clips()), [source(dataset, clip, size) for clip in clips]


def source(dataset: Dataset, clip: Clip, size: int) -> str:
    """Digest of picture, sound and ground truth of one clip."""
    loaded = dataset.load(clip, size)
    parts = (
        frames_digest(loaded.frames),
        audio_digest(loaded.audio),
        annotations_digest(loaded.annotations),
    )
    return " ".join(parts)

"""What a video is, as a name: SHA-256 over decoded frames and canonical audio, never over the file.

Picture and sound have digests of their own, and the video's digest is made of the two: a video
that shares its picture with another and differs in sound is named without decoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, Waveform


def frames_digest(frames: Frames) -> str:
    """SHA-256 (hex) of a picture [T, H, W, 3] uint8; shape and dtype enter.

    Frame by frame, so that a long clip that lies in a file is never held in memory as a whole.
    """
    return _digest("frames", frames, frames)


def audio_digest(audio: Waveform | None) -> str:
    """SHA-256 (hex) of sound [samples] int16; None (no track) differs from an empty track."""
    return hashlib.sha256(b"audio:none").hexdigest() if audio is None else _digest("audio", audio)


def annotations_digest(annotations: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) of named arrays, whatever their order."""
    lines = [f"{name!r}:{_digest('array', annotations[name])}" for name in sorted(annotations)]
    return hashlib.sha256("\n".join(["annotations", *lines]).encode()).hexdigest()


def video_digest(frames: str, audio: str) -> str:
    """The digest of a video from those of its picture and its sound."""
    return hashlib.sha256(f"video:{frames}:{audio}".encode()).hexdigest()


def _digest(kind: str, array: NDArray[Any], parts: Iterable[NDArray[Any]] | None = None) -> str:
    # Byte order is fixed, so that the digest is the same on every machine.
    little = array.dtype.newbyteorder("<")
    head = f"{kind}:{little.str}:{'x'.join(map(str, array.shape))}:"
    state = hashlib.sha256(head.encode())
    for part in [array] if parts is None else parts:
        state.update(np.asarray(part, dtype=little, order="C").reshape(-1).view(np.uint8).data)
    return state.hexdigest()

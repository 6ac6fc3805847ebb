"""Sound for two ears; a module of its own, since no metric depends on it and digests of code follow imports."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import SAMPLE_RATE
from thbench.files.atomic import atomic_file


def write_stereo_wav(path: Path, audio: NDArray[np.int16]) -> None:
    """[samples, 2] int16, left and right, as 16 kHz PCM. Raises UserError where the disk is full or closed."""
    if audio.dtype != np.int16 or audio.ndim != 2 or audio.shape[1] != 2:
        raise ValueError(f"audio must be [samples, 2] int16, not {audio.shape} {audio.dtype}")
    with atomic_file(path, durable=False) as file, wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(audio.astype("<i2").tobytes())

"""How loud each video frame is."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, Waveform

SILENCE = 33
"""A clip whose samples all stay within +-32 (-60 dB of full scale) holds no speech."""


def is_silent(audio: Waveform) -> bool:
    """Whether every sample stays below -60 dB of full scale (coded silence is rarely exactly 0)."""
    return audio.size == 0 or max(int(audio.max()), -int(audio.min())) < SILENCE


def speech_envelope(
    audio: Waveform,
    scale: Literal["rms", "decibel"] = "rms",
    band: Literal["full", "speech"] = "full",
) -> NDArray[np.float64]:
    """Root mean square over each whole frame of 640 samples.

    audio    [samples] int16, mono, 16 kHz
    band     `speech`: 300-3000 Hz only (second-order Butterworth, forwards and backwards, so without
             delay), where loudness follows the mouth best (Grant & Seitz 2000)
    returns  [samples // 640] float64, 0..32768; in decibels above 1, 0..90, with `scale="decibel"`
             (quieter than 1 counts as 1)
    """
    frames = len(audio) // SAMPLES_PER_FRAME
    signal = audio.astype(np.float64)
    if band == "speech" and frames:
        from scipy.signal import sosfiltfilt  # a second of imports that `is_silent` does without

        signal = np.asarray(sosfiltfilt(_speech_band(), signal, padtype=None))
    squares = np.square(signal[: frames * SAMPLES_PER_FRAME])
    rms: NDArray[np.float64] = np.sqrt(squares.reshape(frames, SAMPLES_PER_FRAME).mean(axis=1))
    return np.asarray(20 * np.log10(np.maximum(rms, 1.0))) if scale == "decibel" else rms


@cache
def _speech_band() -> NDArray[np.float64]:
    from scipy.signal import butter

    return np.asarray(butter(2, [300, 3000], "bandpass", fs=SAMPLE_RATE, output="sos"))

"""Log-mel windows: what each video frame hears, 0.2 s around it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, Waveform
from thbench_speech.blocks import blocks

N_FFT = 512
WINDOW, STEP = 400, 160
"""25 ms and 10 ms: four columns per video frame."""
FILTERS = 40
AROUND = 2
"""Video frames heard on either side."""
COLUMNS = (2 * AROUND + 1) * SAMPLES_PER_FRAME // STEP


def log_mel(audio: Waveform, n_frames: int) -> NDArray[np.float32]:
    """[4 (n_frames + 4), 40]: columns every 10 ms from two frames before the first to two after the last.

    audio is int16 mono 16 kHz; what lies outside it is silence. A value is log10(power + 1e-7) of
    samples in -1..1, moved and scaled so that speech lies about -1..1 and digital silence at -1.5.
    """
    first = AROUND * SAMPLES_PER_FRAME
    padded = np.zeros((n_frames + 2 * AROUND) * SAMPLES_PER_FRAME + WINDOW - STEP)
    heard = audio[: max(0, len(padded) - first)]
    padded[first : first + len(heard)] = heard / 32768.0
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    found = np.empty((len(windows), FILTERS), np.float32)
    for start, end in blocks(len(windows)):
        spectra = np.fft.rfft(windows[start:end] * np.hanning(WINDOW), N_FFT)
        power = np.square(np.abs(spectra))
        found[start:end] = (np.log10(power @ filters().T + 1e-7) + 4.0) / 2.0
    return found


def windows_of(columns: NDArray[np.float32], n_frames: int) -> NDArray[np.float32]:
    """[n_frames, 40, 20] windows of the frames that `columns` of `log_mel` belong to."""
    index = np.arange(n_frames)[:, None] * (SAMPLES_PER_FRAME // STEP) + np.arange(COLUMNS)
    return np.ascontiguousarray(columns[index].transpose(0, 2, 1))


@cache
def filters() -> NDArray[np.float64]:
    """[40, 257] triangles, evenly spaced in mel from 0 to 8 kHz, with peaks of 1 (HTK mel scale)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700.0)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595.0) - 1)
    centres = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    rising = (centres - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    falling = (hertz[2:, None] - centres) / np.diff(hertz)[1:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))

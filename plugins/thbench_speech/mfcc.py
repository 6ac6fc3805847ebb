"""Mel-frequency cepstral coefficients, equal to python_speech_features 0.6 at its defaults.

SyncNet was trained on that function's output, so its oddities belong to the definition: no analysis
window, a filter bank whose edges are floored to FFT bins, log energy in place of the first
coefficient, and values at int16 scale (not -1..1).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from thbench.api import SAMPLE_RATE, Waveform
from thbench_speech.blocks import blocks

WINDOW = 400
"""Samples of one analysis window: 25 ms."""
STEP = 160
"""Samples between windows: 10 ms, so 4 columns per video frame."""
N_FFT = 512
N_FILTERS = 26
N_COEFFICIENTS = 13
LIFTER = 22
PREEMPHASIS = 0.97
_EPS = np.finfo(np.float64).eps


def mfcc(audio: Waveform) -> NDArray[np.float64]:
    """MFCC of canonical audio.

    audio    [samples] int16, mono, 16 kHz, at least one sample
    returns  [columns, 13] float64; columns = 1 + ceil((samples - 400) / 160), at least 1; column 0 of
             a row is the log of the window's energy

    Raises ValueError for audio that is empty or has more than one axis.
    Source: Davis & Mermelstein 1980; constants of python_speech_features 0.6.
    """
    if audio.ndim != 1 or audio.size == 0:
        raise ValueError(f"mono audio of at least one sample expected, shape {audio.shape} given")
    columns = 1 + max(0, -(-(len(audio) - WINDOW) // STEP))
    found = np.empty((columns, N_COEFFICIENTS))
    for start, end in blocks(columns):
        found[start:end] = _coefficients(_windows(audio, start, end))
    return found


def _windows(audio: Waveform, start: int, end: int) -> NDArray[np.float64]:
    """[end - start, 400] of the pre-emphasised sound; what lies behind its end is zero."""
    first, samples = start * STEP, (end - start - 1) * STEP + WINDOW
    signal = np.zeros(samples)
    heard = audio[first : first + samples]
    signal[: len(heard)] = heard
    before = audio[max(0, first - 1) : first + len(heard) - 1]  # the very first sample has none
    signal[len(heard) - len(before) : len(heard)] -= PREEMPHASIS * before
    return np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::STEP]


def _coefficients(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """[columns, 13] of windows [columns, 400]."""
    power = 1.0 / N_FFT * np.square(np.abs(np.fft.rfft(windows, N_FFT)))
    cepstrum = dct(np.log(_above_zero(power @ filter_bank().T)), type=2, axis=1, norm="ortho")
    lifted = cepstrum[:, :N_COEFFICIENTS] * _lifter()
    lifted[:, 0] = np.log(_above_zero(power.sum(axis=1)))
    return np.asarray(lifted, dtype=np.float64)


def _above_zero(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact zeros (digital silence) become the machine epsilon, so that the log exists."""
    return np.where(x == 0, _EPS, x)


@cache
def filter_bank() -> NDArray[np.float64]:
    """[26, 257] triangles between bins floor(513 f / 16000), f evenly spaced in mel from 0 to 8 kHz."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700.0)
    hertz = 700 * (10 ** (np.linspace(0, top, N_FILTERS + 2) / 2595.0) - 1)
    edges = np.floor((N_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(N_FFT // 2 + 1)
    left, centre, right = (edges[i : i + N_FILTERS, None] for i in range(3))
    rising = np.where((bins >= left) & (bins < centre), (bins - left) / (centre - left), 0.0)
    falling = np.where((bins >= centre) & (bins < right), (right - bins) / (right - centre), 0.0)
    return np.asarray(rising + falling)


@cache
def _lifter() -> NDArray[np.float64]:
    """[13] sinusoidal weights that even out the variance of high coefficients."""
    n = np.arange(N_COEFFICIENTS)
    return np.asarray(1 + (LIFTER / 2.0) * np.sin(np.pi * n / LIFTER))

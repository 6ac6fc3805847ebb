"""The puppets' voice: a source-filter synthesiser.

A glottal pulse train (KLGLOTT88 pulse of Klatt & Klatt 1990, with jitter and shimmer) and
aspiration noise go through a cascade of five resonances that glide from phoneme to phoneme;
fricatives and bursts are noise of their own colour. Time-varying filtering is done on overlapping
short spectra, so the whole clip is a handful of array operations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, Waveform
from thbench_puppet.seeds import generator
from thbench_puppet.timeline import SAMPLES_PER_STEP, Score, Track

OVERSAMPLING = 3
WINDOW = 4 * SAMPLES_PER_STEP
N_FFT = 1024
BANDWIDTHS = np.array([70.0, 95.0, 140.0, 220.0, 300.0])
UPPER_FORMANTS = (3500.0, 4500.0)
LOUDNESS = 1800.0
"""Root mean square of calm speech, int16 units."""
ROOM_NOISE = 5.0


def _steps(score: Score, values: list[float]) -> Track:
    """[K] the value of the segment due at each control step."""
    ends = np.array([s.end for s in score.segments])
    due = np.minimum(np.searchsorted(ends, score.times, side="right"), len(ends) - 1)
    return np.asarray(values, dtype=np.float64)[due]


def _smooth(track: NDArray[np.float64], ms: float) -> NDArray[np.float64]:
    return np.asarray(gaussian_filter1d(track, ms / 5.0, axis=0, mode="nearest"))


def voicing(score: Score) -> Track:
    """[K] level of the voiced source; it grows with the mouth's opening, as radiated sound does."""
    level = _steps(score, [s.sound.voice * (0.5 if s.release else 1.0) for s in score.segments])
    emphasis = _steps(score, [0.80 + 0.35 * s.stress for s in score.segments])
    return _smooth(level * emphasis, 9) * (0.16 + 0.84 * np.clip(score.open, 0, 1.2))


def _breath(score: Score) -> Track:
    """[K] level of aspiration noise."""
    own = _steps(score, [s.sound.breath for s in score.segments])
    released = [0.10 if s.release and s.sound.voice == 0 else 0.0 for s in score.segments]
    airy = 0.020 + 0.05 * score.actor.voice.breath + 0.10 * score.acting.breath
    return _smooth(own + _steps(score, released), 8) * (0.3 + 0.7 * score.open) + airy * voicing(
        score
    )


def _frication(score: Score) -> Track:
    """[K] level of fricative and burst noise."""
    level = [0.0 if s.sound.stop and not s.release else s.sound.noise for s in score.segments]
    return _smooth(_steps(score, level), 6)


def _pitch(score: Score, rng: np.random.Generator) -> Track:
    """[K] fundamental in Hz: declination, accents on stressed vowels, drift."""
    voice, acting = score.actor.voice, score.acting
    course = np.linspace(0.10, -0.12, len(score.times))
    accents = _smooth(_steps(score, [s.stress for s in score.segments]), 45)
    drift = _smooth(rng.standard_normal(len(score.times)), 120) * 0.25
    range_ = 1 + acting.spread
    tremble = _smooth(rng.standard_normal(len(score.times)), 14) * (0.02 + 0.05 * acting.breath)
    return np.asarray(
        voice.pitch
        * (1 + acting.pitch)
        * np.exp(range_ * (course + 0.22 * accents + drift) + tremble)
    )


def _glottal(score: Score, rng: np.random.Generator) -> Track:
    """[samples] derivative of the glottal flow, about unit level, at 16 kHz."""
    rate = SAMPLE_RATE * OVERSAMPLING
    n = score.n_frames * SAMPLES_PER_FRAME * OVERSAMPLING
    pitch = np.interp(np.arange(n) / rate, score.times, _pitch(score, rng))
    cycles = np.cumsum(pitch) / rate
    cycle = cycles.astype(np.int64)
    rough = 0.004 + 0.014 * score.actor.voice.roughness + 0.012 * score.acting.tension
    shimmer = 1 + 4 * rough * rng.standard_normal(int(cycle[-1]) + 2)
    jitter = rough * rng.standard_normal(int(cycle[-1]) + 2)
    phase = np.clip(cycles - cycle + jitter[cycle] * (cycles - cycle), 0, 1)
    quotient = 0.62 + 0.10 * score.actor.voice.breath - 0.12 * score.acting.tension
    x = phase / quotient
    pulse = np.where(x < 1, 2 * x - 3 * x**2, 0.0) * shimmer[cycle]
    flow = np.asarray(resample_poly(pulse, 1, OVERSAMPLING))[: n // OVERSAMPLING]
    edge = 0.15 + 0.45 * score.actor.voice.brightness + 0.2 * score.acting.tension
    return flow - edge * np.concatenate([[0.0], flow[:-1]])


def _formants(score: Score) -> NDArray[np.float64]:
    """[K, 5] resonances in Hz, gliding."""
    tract = score.actor.voice.tract
    rows = np.array([[*s.sound.formants, *UPPER_FORMANTS] for s in score.segments]) * tract
    ends = np.array([s.end for s in score.segments])
    due = np.minimum(np.searchsorted(ends, score.times, side="right"), len(ends) - 1)
    return _smooth(rows[due], 20)


def _tract(formants: NDArray[np.float64]) -> NDArray[np.complex128]:
    """[K, F] transfer function of the cascade of resonators (Klatt 1980)."""
    z = np.exp(-2j * np.pi * np.arange(N_FFT // 2 + 1) / N_FFT)
    response = np.ones((len(formants), len(z)), dtype=np.complex128)
    for centre, bandwidth in zip(formants.T, BANDWIDTHS, strict=True):
        c = -np.exp(-2 * np.pi * bandwidth / SAMPLE_RATE)
        b = 2 * np.sqrt(-c) * np.cos(2 * np.pi * np.minimum(centre, 7600) / SAMPLE_RATE)
        response *= (1 - b - c)[:, None] / (1 - b[:, None] * z - c * z**2)
    return response


def _colour(score: Score) -> NDArray[np.float64]:
    """[K, F] spectrum of the frication noise."""
    hertz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    shift = score.actor.voice.tract**0.5
    centre = _smooth(_steps(score, [s.sound.pitch * shift for s in score.segments]), 6)
    width = _smooth(_steps(score, [s.sound.spread for s in score.segments]), 6)
    return np.asarray(np.exp(-(((hertz - centre[:, None]) / width[:, None]) ** 2)))


def _spectra(signal: Track, n_steps: int) -> NDArray[np.complex128]:
    """[K, F] spectra of Hann windows centred on the control steps."""
    padded = np.pad(signal, WINDOW // 2)
    starts = np.arange(n_steps)[:, None] * SAMPLES_PER_STEP + np.arange(WINDOW)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(np.fft.rfft(padded[starts] * hann, N_FFT))


def _overlap_add(spectra: NDArray[np.complex128], n: int) -> Track:
    """[n] samples of the filtered windows."""
    pieces = np.fft.irfft(spectra, N_FFT) / 2.0
    out = np.zeros(n + 2 * N_FFT)
    for step, piece in enumerate(pieces):
        start = step * SAMPLES_PER_STEP
        out[start : start + N_FFT] += piece
    return out[WINDOW // 2 : WINDOW // 2 + n]


def _at_samples(score: Score, track: Track) -> Track:
    n = score.n_frames * SAMPLES_PER_FRAME
    return np.interp(np.arange(n) / SAMPLE_RATE, score.times, track)


def synthesise(score: Score) -> Waveform:
    """[n_frames * 640] int16 at 16 kHz, a pure function of the score."""
    rng = generator("voice", score.clip_id)
    n, steps = score.n_frames * SAMPLES_PER_FRAME, len(score.times)
    voiced = _glottal(score, rng) * _at_samples(score, voicing(score))
    breath = rng.standard_normal(n) * _at_samples(score, _breath(score))
    hiss = rng.standard_normal(n) * _at_samples(score, _frication(score))
    throat = _spectra(voiced * 0.55 + breath * 0.35, steps) * _tract(_formants(score))
    speech = _overlap_add(throat + 0.45 * _spectra(hiss, steps) * _colour(score), n)
    gain = LOUDNESS * 10 ** (score.acting.loudness / 20) / _active_level(score, speech)
    noise = ROOM_NOISE * rng.standard_normal(n)
    return np.round(np.clip(speech * gain + noise, -32767, 32767)).astype(np.int16)


def _active_level(score: Score, speech: Track) -> float:
    """Root mean square between the first and the last silence."""
    start, end = score.phonemes[0, 1], score.phonemes[-1, 0]
    active = speech[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(active**2)))

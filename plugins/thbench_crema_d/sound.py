"""The sound of a clip: the WAV, laid on the clock of the picture.

CREMA-D's WAV files carry the better sound but no timestamps; the FLV's own track, MP3, says where
in time a sound belongs. The WAV is shifted to where it agrees with that track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, ClipFailure, Waveform

__all__ = ["SILENT", "Aligned", "align", "lag_of"]

FARTHEST = SAMPLE_RATE // 2
"""Samples by which the WAV may start before or after the picture."""
AGREEMENT = 0.3
"""Correlation below which the WAV is not the sound of this picture."""
MOST_PADDING = SAMPLE_RATE
"""Samples that may be missing at the end against the picture."""
SILENT = 8
"""Peak (of 32767) up to which a track says nothing about time."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """`audio` has 640 samples per frame.

    lag          samples of the WAV before the first frame (negative: silence was put before it)
    correlation  with the FLV's track at that lag; None where the FLV has no sound to compare with
    padding      samples of silence put at the end
    """

    audio: Waveform
    lag: int
    correlation: float | None
    padding: int


def align(wav: Waveform, track: Waveform | None, n_frames: int) -> Aligned:
    """The WAV from the first frame to the end of the last.

    Args:
        wav: [samples] int16, 16 kHz.
        track: the FLV's own sound from its first frame on, likewise; None where it has none.
        n_frames: at 25 per second.

    Raises:
        ClipFailure: the WAV is silent, too short, or the sound of something else.
    """
    if _silent(wav):
        raise ClipFailure("the WAV is silent")
    lag, correlation = 0, None
    if track is not None and not _silent(track):
        lag, correlation = lag_of(wav, track)
        if correlation < AGREEMENT:
            raise ClipFailure(
                f"the WAV is not the sound of the FLV (correlation {correlation:.2f})"
            )
    audio, padding = _laid_out(wav, lag, n_frames * SAMPLES_PER_FRAME)
    if padding > MOST_PADDING:
        raise ClipFailure(f"the WAV ends {padding / SAMPLE_RATE:.1f} s before the picture")
    return Aligned(audio, lag, correlation, padding)


def _silent(sound: Waveform) -> bool:
    return len(sound) == 0 or int(np.abs(sound.astype(np.int32)).max()) <= SILENT


def lag_of(wav: Waveform, track: Waveform) -> tuple[int, float]:
    """The lag k, |k| <= FARTHEST, at which wav[n + k] agrees best with track[n], and their correlation there.

    The correlation is that of the two sounds where they overlap, -1..1.
    """
    a, b = wav.astype(np.float64), track.astype(np.float64)
    n = 1 << (len(a) + len(b) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(a, n) * np.conj(np.fft.rfft(b, n)), n)
    lags = np.arange(-FARTHEST, FARTHEST + 1)
    lags = lags[(lags < len(a)) & (lags > -len(b))]
    best = int(lags[np.argmax(products[lags % n])])
    return best, _correlation(a[max(best, 0) :], b[max(-best, 0) :])


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    n = min(len(a), len(b))
    energy = float(np.sqrt(np.square(a[:n]).sum() * np.square(b[:n]).sum()))
    return float((a[:n] * b[:n]).sum()) / energy if energy > 0 else 0.0


def _laid_out(wav: Waveform, lag: int, length: int) -> tuple[Waveform, int]:
    """`length` samples from wav[lag] on, silence where there are none, and how many at the end."""
    line = np.zeros(length, np.int16)
    samples = wav[max(lag, 0) :][: max(length - max(-lag, 0), 0)]
    start = min(max(-lag, 0), length)
    line[start : start + len(samples)] = samples
    return line, length - start - len(samples)

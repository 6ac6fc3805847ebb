"""Which video frames are spoken in: voice activity from energy alone, or by Silero's network (extra `vad`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, ClipFailure, UserError, Waveform
from thbench_speech.envelope import is_silent, speech_envelope

__all__ = ["HANGOVER", "energy_activity", "silero_activity"]

CONTRAST = 12.0
"""Decibels between the loudest and the quietest frames, below which nothing tells pauses from speech."""
SHARE = 0.35
"""Speech starts this share of the contrast above the noise."""
HANGOVER = 2
"""Frames that speech goes on after the last loud one: the ends of words are quiet."""


def energy_activity(audio: Waveform) -> NDArray[np.bool_]:
    """[samples // 640] True where somebody speaks.

    The loudness of 300-3000 Hz per frame in decibels; speech is louder than 35 % of the way from the 10th
    to the 95th percentile, one frame before and two after included. For recordings in a quiet room: music
    or a second voice counts as speech.

    Raises ClipFailure where the sound is silent throughout, or loudest and quietest frames lie less than
    12 dB apart.
    """
    if is_silent(audio):
        raise ClipFailure("no speech: the sound is silent throughout")
    loudness = speech_envelope(audio, "decibel", "speech")
    if not loudness.size:
        raise ClipFailure("no speech: less than one frame of sound")
    quiet, loud = np.percentile(loudness, [10, 95])
    if loud - quiet < CONTRAST:
        raise ClipFailure(
            f"pauses cannot be told from speech: quiet and loud are {loud - quiet:.0f} dB apart"
        )
    return _widened(loudness > quiet + SHARE * (loud - quiet))


def _widened(loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    spoken = loud.copy()
    spoken[:-1] |= loud[1:]
    for late in range(1, HANGOVER + 1):
        spoken[late:] |= loud[:-late]
    return spoken


def silero_activity(audio: Waveform) -> NDArray[np.bool_]:
    """[samples // 640] True where Silero VAD hears speech in at least half of the frame.

    Raises UserError without the package, ClipFailure where it hears no speech at all.
    """
    try:
        from silero_vad import get_speech_timestamps, load_silero_vad
    except ImportError as error:
        raise UserError("silero-vad is not installed", "pip install 'thbench[vad]'") from error
    import torch

    with torch.inference_mode():
        signal = torch.from_numpy(audio.astype(np.float32) / 32768)
        spans = get_speech_timestamps(signal, load_silero_vad(), sampling_rate=SAMPLE_RATE)
    if not spans:
        raise ClipFailure("no speech: Silero hears none")
    heard = np.zeros(len(audio), bool)
    for span in spans:
        heard[span["start"] : span["end"]] = True
    frames = len(audio) // SAMPLES_PER_FRAME
    return np.asarray(heard[: frames * SAMPLES_PER_FRAME].reshape(frames, -1).mean(axis=1) >= 0.5)

"""What a video must have to be synchronised with."""

from __future__ import annotations

from thbench.api import ClipFailure, Waveform
from thbench_speech.envelope import is_silent

__all__ = ["require_sound"]


def require_sound(audio: Waveform | None) -> Waveform:
    """Raises ClipFailure where there is nothing to synchronise with."""
    if audio is None:
        raise ClipFailure("no audio track")
    if is_silent(audio):
        raise ClipFailure("silent: no sample reaches -60 dB of full scale")
    return audio

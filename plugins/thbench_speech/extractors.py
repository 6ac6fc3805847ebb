"""The extractors `mfcc`, `speech_envelope` and `speech_activity`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Video, Waveform
from thbench_speech import ActivityOptions, EnvelopeOptions
from thbench_speech.activity import energy_activity, silero_activity
from thbench_speech.envelope import speech_envelope
from thbench_speech.mfcc import mfcc


def sound_of(video: Video) -> Waveform:
    """The video's audio. Raises ClipFailure where it has no audio track or an empty one."""
    if video.audio is None:
        raise ClipFailure("no audio track")
    if video.audio.size == 0:
        raise ClipFailure("the audio track is empty")
    return video.audio


class Mfcc:
    """[columns, 13] float64, a column every 10 ms."""

    identity = "mfcc/1 python_speech_features 0.6 defaults: 13 of 26 filters, 25 ms, 10 ms"

    def __call__(self, video: Video) -> NDArray[np.float64]:
        return mfcc(sound_of(video))


class Envelope:
    """[whole frames of audio] float64."""

    def __init__(self, options: EnvelopeOptions) -> None:
        self._options = options
        self.identity = (
            f"speech_envelope/1 {options.scale} of the {options.band} band over 640 samples"
        )

    def __call__(self, video: Video) -> NDArray[np.float64]:
        return speech_envelope(sound_of(video), self._options.scale, self._options.band)


class Activity:
    """[whole frames of audio] bool: True where somebody speaks. Raises ClipFailure where nobody does."""

    def __init__(self, options: ActivityOptions) -> None:
        self._of = energy_activity if options.method == "energy" else silero_activity
        self.identity = f"speech_activity/1 {options.method}"

    def __call__(self, video: Video) -> NDArray[np.bool_]:
        return self._of(sound_of(video))

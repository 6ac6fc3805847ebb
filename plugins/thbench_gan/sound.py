"""What the audio encoder hears at each frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import Waveform
from thbench_speech.encoders import sda_windows
from thbench_speech.mel import log_mel, windows_of


def heard(encoder: str, audio: Waveform, n_frames: int) -> NDArray[np.float32]:
    """[n_frames, 40, 20] log-mel windows, or for the SDA encoder [n_frames, 3200] samples.

    Audio that is shorter or longer than the video is followed by silence or cut.
    """
    if encoder == "mel":
        return windows_of(log_mel(audio, n_frames), n_frames)
    return sda_windows(audio, n_frames)

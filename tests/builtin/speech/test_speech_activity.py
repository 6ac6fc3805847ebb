"""Voice activity: against the phonemes of puppets, against Silero where it is installed, and refusals."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from guards import some
from thbench.api import ClipFailure, UserError
from thbench.video import MediaReader
from thbench_puppet.names import all_clips
from thbench_puppet.scene import scene
from thbench_puppet.speech import synthesise
from thbench_speech.activity import energy_activity, silero_activity

SILERO = importlib.util.find_spec("silero_vad") is not None


def test_no_spoken_frame_of_a_puppet_is_called_a_pause() -> None:
    """Agreement with the exact phonemes; what is called speech beyond them is the hangover."""
    for clip in some(all_clips()[::700]):
        seen = scene(clip.id)
        heard = energy_activity(synthesise(seen.score))
        middles = (np.arange(len(heard)) + 0.5) / 25
        place = np.searchsorted(seen.score.phonemes[:, 1], middles, side="right")
        phoneme = seen.score.phonemes[np.minimum(place, len(seen.score.phonemes) - 1), 2]
        spoken = phoneme != 0
        assert not (spoken & ~heard).any(), clip.id
        assert (spoken == heard).mean() > 0.85, clip.id


def test_louder_is_not_more_speech() -> None:
    audio = synthesise(scene("1017_IOM_FEA_XX").score)
    quiet = (audio // 3).astype(np.int16)
    assert (energy_activity(audio) == energy_activity(quiet)).mean() > 0.97


def test_silence_and_noise_are_refused() -> None:
    with pytest.raises(ClipFailure, match="silent throughout"):
        energy_activity(np.zeros(16000, np.int16))
    with pytest.raises(ClipFailure, match="less than one frame"):
        energy_activity(np.full(300, 900, np.int16))
    noise = np.random.default_rng(0).normal(0, 3000, 32000).astype(np.int16)
    with pytest.raises(ClipFailure, match="cannot be told from speech"):
        energy_activity(noise)


def test_without_silero_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(UserError, match=r"thbench\[vad\]"):
        silero_activity(np.zeros(16000, np.int16))


@pytest.mark.long
@pytest.mark.skipif(not SILERO, reason="silero-vad is not installed (pip install 'thbench[vad]')")
def test_energy_agrees_with_silero_on_crema_d(assets: Callable[[str], Path]) -> None:
    """88 to 98 % of the frames of six real recordings."""
    for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
        audio = MediaReader().audio(assets(f"clips/crema_d/1001_DFA_{emotion}_XX.flv"))
        assert audio is not None
        assert (energy_activity(audio) == silero_activity(audio)).mean() > 0.85, emotion
    with pytest.raises(ClipFailure, match="no speech"):
        silero_activity(np.zeros(32000, np.int16))

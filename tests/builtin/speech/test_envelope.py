"""The loudness of each video frame."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from guards import some
from thbench.api import ClipFailure
from thbench_speech import thbench_extractors
from thbench_speech.envelope import is_silent, speech_envelope


def test_sine_has_its_textbook_root_mean_square() -> None:
    sine = 10_000 * np.sin(2 * np.pi * 500 * np.arange(6400) / 16_000)
    envelope = speech_envelope(sine.round().astype(np.int16))
    assert envelope.shape == (10,)
    np.testing.assert_allclose(envelope, 10_000 / np.sqrt(2), rtol=1e-4)


def test_delay_by_whole_frames_delays_the_envelope() -> None:
    audio = np.random.default_rng(0).integers(-900, 900, 640 * 20, dtype=np.int16)
    late = np.concatenate([np.zeros(640 * 3, np.int16), audio])
    np.testing.assert_array_equal(speech_envelope(late)[3:], speech_envelope(audio))


def test_full_scale_does_not_overflow_and_decibel_is_monotone() -> None:
    loud = np.full(640, -32768, np.int16)
    assert speech_envelope(loud)[0] == 32768
    assert speech_envelope(loud, "decibel")[0] == pytest.approx(90.309, abs=1e-3)
    assert speech_envelope(np.zeros(640, np.int16), "decibel")[0] == 0


def test_silence_is_told_from_quiet_speech() -> None:
    assert is_silent(np.zeros(0, np.int16))
    assert is_silent(np.full(640, -32, np.int16))
    assert not is_silent(np.full(640, -33, np.int16))
    assert not is_silent(np.full(640, -32768, np.int16))


@pytest.mark.parametrize(
    ("audio", "reason"), [(None, "no audio track"), (np.zeros(0, np.int16), "is empty")]
)
def test_extractors_say_why_there_is_nothing_to_hear(audio: object, reason: str) -> None:
    for plugin in some(thbench_extractors()):
        with pytest.raises(ClipFailure, match=reason):
            plugin.build(plugin.options(), None)(SimpleNamespace(audio=audio))


def test_speech_band_keeps_1000_hz_and_drops_a_hum_without_delay() -> None:
    time = np.arange(16_000) / 16_000
    tone = np.where((time > 0.4) & (time < 0.6), 8000 * np.sin(2 * np.pi * 1000 * time), 0)
    hum = 8000 * np.sin(2 * np.pi * 50 * time)
    heard = speech_envelope((tone + hum).round().astype(np.int16), band="speech")
    assert (heard[11:14] > 5000).all()
    assert (heard[2:8] < 200).all()
    np.testing.assert_allclose(heard[10], heard[14], rtol=0.05)


def test_speech_band_of_a_few_samples_is_defined() -> None:
    assert speech_envelope(np.ones(640, np.int16), band="speech").shape == (1,)
    assert speech_envelope(np.ones(9, np.int16), band="speech").shape == (0,)

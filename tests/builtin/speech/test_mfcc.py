"""MFCC against python_speech_features, which SyncNet was trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_speech_features import mfcc as outside

from thbench_speech.mfcc import mfcc


@pytest.mark.parametrize("samples", [1, 399, 400, 401, 560, 561, 16_000, 38_400, 38_401])
def test_equals_python_speech_features_exactly(samples: int) -> None:
    audio = np.random.default_rng(samples).integers(-32768, 32768, samples, dtype=np.int16)
    ours, theirs = mfcc(audio), outside(audio, 16_000)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() == 0.0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), samples=st.integers(1, 6000), loud=st.sampled_from([1, 50, 3000])
)
def test_equals_python_speech_features_on_any_loudness(seed: int, samples: int, loud: int) -> None:
    rng = np.random.default_rng(seed)
    audio = np.clip(rng.normal(0, loud, samples), -32768, 32767).astype(np.int16)
    assert np.abs(mfcc(audio) - outside(audio, 16_000)).max() == 0.0


def test_digital_silence_is_finite_and_equal() -> None:
    audio = np.zeros(6400, np.int16)
    assert np.isfinite(mfcc(audio)).all()
    assert np.array_equal(mfcc(audio), outside(audio, 16_000))


def test_int16_extremes_do_not_wrap() -> None:
    audio = np.tile(np.array([-32768, 32767], np.int16), 500)
    assert np.array_equal(mfcc(audio), outside(audio.astype(np.float64), 16_000))


@pytest.mark.parametrize("shape", [(0,), (100, 2)])
def test_refuses_empty_and_stereo(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mono audio"):
        mfcc(np.zeros(shape, np.int16))

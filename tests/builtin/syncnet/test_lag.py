"""The cross-correlation of mouth and loudness, and its sign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from syncnet_fakes import FakeContext, FakeVideo, observed, pair_of, talking
from thbench.api import SAMPLES_PER_FRAME, ClipFailure
from thbench_speech import EnvelopeOptions
from thbench_speech.extractors import Envelope
from thbench_syncnet.lag import LipAudioLag, correlations, peak_of
from thbench_syncnet.options import LagOptions


def envelope(**options: Any) -> Envelope:
    return Envelope(EnvelopeOptions(**options))


def mouth(frames: int = 60) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    smooth = np.convolve(rng.normal(0, 1, frames + 8), np.ones(5) / 5, mode="valid")[:frames]
    return np.clip(0.3 + smooth, 0.0, None)


def spoken(aperture: NDArray[np.float64], delay: int = 0) -> FakeVideo:
    """Noise as loud as the mouth is open, `delay` frames late."""
    loud = np.roll(aperture, delay).repeat(SAMPLES_PER_FRAME) * 3000 + 50
    noise = np.random.default_rng(4).uniform(-1, 1, len(loud))
    return replace(talking(len(aperture)), audio=(loud * noise).astype(np.int16))


def lag_of(aperture: NDArray[np.float64], video: FakeVideo) -> dict[str, float]:
    metric = LipAudioLag(
        LagOptions(),
        FakeContext(
            {
                "mouth_aperture": lambda network: lambda video: aperture,
                "speech_envelope": envelope,
            }
        ),
    )
    return dict(metric.observe(pair_of(video)).rows)


@pytest.mark.parametrize("delay", range(-10, 11))
def test_audio_delayed_by_n_frames_gives_minus_n(delay: int) -> None:
    assert lag_of(mouth(), spoken(mouth(), delay))["lag"] == -delay


def test_unknown_frames_are_left_out() -> None:
    aperture = mouth()
    video = spoken(aperture, 3)
    aperture[10:14] = np.nan
    rows = lag_of(aperture, video)
    assert rows["lag"] == -3
    assert rows["correlation"] > 0.8


def test_correlation_agrees_with_numpy_at_every_lag() -> None:
    x, y = np.random.default_rng(0).normal(0, 1, (2, 40))
    found = correlations(x, y, max_lag=3, min_frames=10)
    for offset in range(-3, 4):
        a, b = (x[offset:], y[: 40 - offset]) if offset >= 0 else (x[:offset], y[-offset:])
        assert found[offset + 3] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)


def test_reasons() -> None:
    with pytest.raises(ClipFailure, match="too short: 14 frames overlap, needs 15"):
        lag_of(mouth(29), spoken(mouth(29)))
    with pytest.raises(ClipFailure, match="does not change"):
        lag_of(np.ones(60), spoken(mouth()))
    with pytest.raises(ClipFailure, match="does not change"):
        lag_of(0.3 + 1e-17 * np.arange(60) + np.spacing(0.3) * (np.arange(60) % 2), spoken(mouth()))
    with pytest.raises(ClipFailure, match="silent"):
        lag_of(mouth(), replace(talking(60), audio=np.zeros(60 * 640, np.int16)))


def test_a_peak_at_the_edge_of_the_search_is_no_lag() -> None:
    """Delayed further than the search reaches, the correlation still rises at its edge."""
    aperture = np.convolve(mouth(90), np.ones(9) / 9, mode="same")
    for delay, edge in ((18, "-15"), (-18, r"\+15")):
        with pytest.raises(
            ClipFailure, match=rf"at the edge of the search \({edge} of ±15 frames\)"
        ):
            lag_of(aperture, spoken(aperture, delay))
    assert peak_of(np.array([0.1, 0.2, 0.9, 0.3, 0.1])) == 0
    with pytest.raises(ClipFailure, match="edge"):
        peak_of(np.array([0.9, 0.2, 0.8, 0.3, 0.1]))


def test_mean_median_and_share_over_clips() -> None:
    """The six lags once measured on real CREMA-D recordings, without the one at the edge."""
    metric = LipAudioLag(
        LagOptions(),
        FakeContext({"mouth_aperture": lambda network: None, "speech_envelope": envelope}),
    )
    clips = observed(lag=[-1, 0, -1, 8, 0], correlation=[0.5, 0.75, 0.5, 0.75, 0.5])
    assert metric.reduce(clips) == {
        "lip_audio_lag": pytest.approx(1.2),
        "lip_audio_lag_median": 0.0,
        "lip_audio_lag_within_1": 0.8,
        "lip_audio_correlation": pytest.approx(0.6),
    }


@pytest.mark.parametrize(("mouth", "sound"), [(40, 33), (33, 40)])
def test_what_only_one_of_them_has_is_left_out(mouth: int, sound: int) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=mouth), rng.normal(size=sound)
    assert np.array_equal(correlations(a, b, 4, 10), correlations(a[:33], b[:33], 4, 10))

"""The metric around the distance: rows, statistics, reasons, one extraction per video."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from syncnet_fakes import FakeContext, FakeVideo, observed, pair_of, talking
from thbench.api import ClipFailure, UserError
from thbench_syncnet.distance import window_count
from thbench_syncnet.metric import SyncNetMetric, scores_of
from thbench_syncnet.options import FeatureOptions, Options, feature_options, published_form


class Planted:
    """Features whose audio is `delay` frames late; counts how often it is asked."""

    def __init__(self, delay: int) -> None:
        self.delay, self.calls, self.options = delay, 0, {}

    def __call__(self, video: FakeVideo) -> NDArray[np.float64]:
        self.calls += 1
        windows = window_count(video.n_frames, len(video.audio))
        events = np.random.default_rng(5).normal(0, 1, (windows + 40, 12))
        return np.stack([events[20 : 20 + windows], events[20 - self.delay :][:windows]])


def metric(options: Options, features: Planted) -> SyncNetMetric:
    def build(**chosen: object) -> Planted:
        features.options = chosen
        return features

    return SyncNetMetric(options, FakeContext({"syncnet_features": build}))


@pytest.mark.parametrize("edge", ["pad", "valid"])
@pytest.mark.parametrize("frames", [30, 45, 60])
def test_observation_of_clips_of_30_to_60_frames(edge: Any, frames: int) -> None:
    features = Planted(delay=4)
    seen = metric(Options(edge=edge), features).observe(pair_of(talking(frames)))
    assert seen.rows["offset"] == -4
    assert seen.rows["n_windows"] == frames - 5
    assert seen.rows["frames_without_audio"] == 0
    assert seen.arrays["mean_distances"].shape == (31,)
    assert seen.arrays["window_confidence"].shape == (frames - 5,)
    assert seen.rows["lse_d"] == seen.arrays["mean_distances"].min()
    assert features.calls == 1


def test_generated_video_is_scored_on_its_own_and_reference_is_not_touched() -> None:
    features = Planted(delay=0)
    pair = pair_of(talking(40))
    metric(Options(), features).observe(pair)
    assert features.calls == 1


def test_features_are_asked_with_the_options_they_depend_on_and_no_others() -> None:
    features = Planted(delay=0)
    metric(Options(precision="bf16", vshift=9, edge="valid"), features)
    assert features.options == feature_options(FeatureOptions(precision="bf16"))
    assert "vshift" not in features.options


def test_audio_shorter_than_the_video_scores_the_common_span_and_is_counted() -> None:
    seen = metric(Options(), Planted(delay=-2)).observe(pair_of(talking(60, audio_frames=40)))
    assert seen.rows["offset"] == 2
    assert seen.rows["n_windows"] == 35
    assert seen.rows["frames_without_audio"] == 20


def test_audio_that_leaves_too_little_is_too_short() -> None:
    with pytest.raises(ClipFailure, match="too short: 20 frames with sound, needs 30"):
        metric(Options(edge="valid"), Planted(0)).observe(pair_of(talking(60, audio_frames=20)))


def test_statistics_show_what_the_signed_mean_hides() -> None:
    clips = observed(offset=[-3, 3, 1, 0], confidence=[1, 2, 3, 4], lse_d=[8, 8, 9, 9])
    assert metric(Options(), Planted(0)).reduce(clips) == {
        "av_offset": 0.25,
        "av_offset_median": 0.5,
        "av_offset_abs": 1.75,
        "av_offset_within_1": 0.5,
        "av_confidence": 2.5,
        "lse_d": 8.5,
    }


def test_nothing_scored_has_no_value() -> None:
    with pytest.raises(ClipFailure, match="no clip was scored"):
        metric(Options(), Planted(0)).reduce(observed(offset=[], confidence=[], lse_d=[]))


def test_only_the_reference_crop_with_published_weights_may_be_called_lse() -> None:
    assert published_form(Options(input="tracked"))
    assert published_form(Options(input="tracked", min_windows=20))
    assert scores_of(Options(input="tracked"))["lse_d"].description.startswith("LSE-D:")
    for other in (
        Options(),
        Options(input="tracked", detector="yunet"),
        Options(input="tracked", min_track=30),
        Options(input="tracked", precision="bf16"),
        Options(input="tracked", edge="valid"),
        Options(input="tracked", vshift=10),
        Options(weights="puppet-v1"),
    ):
        assert not published_form(other)
        assert "not comparable with published values" in scores_of(other)["lse_d"].description


def test_every_offset_says_its_sign() -> None:
    scores = scores_of(Options())
    for name in ("av_offset", "av_offset_median"):
        assert "Positive: the audio leads" in scores[name].description
        assert scores[name].reacts_to["delay"] == "=-1"
    assert set(scores) == set(metric(Options(), Planted(0)).reduce(
        observed(offset=[0], confidence=[0], lse_d=[0])
    ))  # fmt: skip


def test_puppet_network_needs_valid_edges() -> None:
    with pytest.raises(UserError, match="unit vectors"):
        metric(Options(weights="puppet-v1"), Planted(0))
    metric(Options(weights="puppet-v1", edge="valid"), Planted(0))

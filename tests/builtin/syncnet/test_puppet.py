"""The shipped network puppet-v1 on puppets it has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from guards import some
from syncnet_fakes import FakeContext, FakeVideo, pair_of, talking
from thbench.api import Clip, Dataset, Frames
from thbench_syncnet.extractor import build_features
from thbench_syncnet.metric import SyncNetMetric
from thbench_syncnet.options import FeatureOptions, Options
from thbench_syncnet.puppet import WEIGHTS, mouth_region
from thbench_syncnet.train_puppet import agreement, chosen, delayed, puppets

SPLIT = Path(__file__).parents[3] / "benchmarks/splits/puppet_v1.yaml"
DELAYS = range(-10, 11)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return puppets(tmp_path_factory.mktemp("puppets"))


def held_out(dataset: Dataset, per_actor: int) -> Sequence[Clip]:
    actors = [str(name) for name in yaml.safe_load(SPLIT.read_text())["test"]]
    return chosen(dataset, actors, per_actor, seed=5)


@pytest.fixture(scope="module")
def videos(dataset: Dataset) -> list[FakeVideo]:
    """Six clips of six test actors at 64 px."""
    sources = [dataset.load(clip, 64) for clip in held_out(dataset, 1)[:6]]
    return [FakeVideo(source.frames, source.audio) for source in sources]


@pytest.fixture(scope="module")
def metric() -> SyncNetMetric:
    def extractor(**options: object) -> object:
        return build_features(FeatureOptions(**options), FakeContext(batch=16))  # type: ignore[arg-type]

    context = FakeContext({"syncnet_features": extractor})
    return SyncNetMetric(Options(weights="puppet-v1", edge="valid"), context)


def offset(metric: SyncNetMetric, video: FakeVideo) -> float:
    return metric.observe(pair_of(video)).rows["offset"]


@pytest.mark.slow
def test_delaying_the_audio_by_n_frames_moves_the_offset_by_minus_n(
    metric: SyncNetMetric, videos: list[FakeVideo]
) -> None:
    moved = []
    for video in videos[::2]:
        base = offset(metric, video)
        for n in DELAYS:
            late = replace(video, audio=delayed(video.audio, n))
            moved.append(offset(metric, late) == base - n)
    assert np.mean(moved) >= 0.95


def test_undelayed_puppets_are_in_sync(metric: SyncNetMetric, videos: list[FakeVideo]) -> None:
    assert [offset(metric, video) for video in videos] == [0] * len(videos)


def test_confidence_falls_with_another_clips_sound(
    metric: SyncNetMetric, videos: list[FakeVideo]
) -> None:
    own = [metric.observe(pair_of(v)).rows for v in videos]
    strange = [
        metric.observe(pair_of(replace(v, audio=np.resize(w.audio, len(v.audio))))).rows
        for v, w in zip(videos, [*videos[1:], videos[0]], strict=True)
    ]
    for mine, other in some(zip(own, strange, strict=True)):
        assert other["confidence"] < 0.6 * mine["confidence"]
        assert other["lse_d"] > mine["lse_d"]


def softened(frames: Frames) -> Frames:
    return np.stack([cv2.GaussianBlur(f, (0, 0), 1.2) for f in frames])


def noisy(frames: Frames) -> Frames:
    noise = np.random.default_rng(0).normal(0, 8, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def darker(frames: Frames) -> Frames:
    return (frames * 0.8).astype(np.uint8)


@pytest.mark.parametrize("damage", [softened, noisy, darker])
def test_damaged_pictures_are_still_understood(
    metric: SyncNetMetric, videos: list[FakeVideo], damage: object
) -> None:
    offsets = [offset(metric, replace(v, frames=damage(v.frames))) for v in videos]  # type: ignore[operator]
    assert np.mean(np.array(offsets) == 0) >= 0.8


def test_a_still_picture_has_little_confidence(
    metric: SyncNetMetric, videos: list[FakeVideo]
) -> None:
    for video in some(videos):
        still = replace(video, frames=np.repeat(video.frames[:1], video.n_frames, axis=0))
        said, held = (metric.observe(pair_of(v)).rows["confidence"] for v in (video, still))
        assert held < 0.5 * said


def test_features_are_unit_vectors_of_the_documented_layout() -> None:
    features = build_features(FeatureOptions(weights="puppet-v1"), FakeContext(batch=4))
    found = features(talking(12))
    assert found.shape == (2, 7, 128)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-5)
    assert "puppet-v1 sha256:" in features.identity
    assert features(talking(4)).shape == (2, 0, 128)


def test_shipped_file_is_small() -> None:
    assert WEIGHTS.stat().st_size <= 4 * 2**20


@pytest.mark.parametrize("size", [64, 128, 256])
def test_mouth_region_is_the_same_place_at_every_size(size: int) -> None:
    row, column = np.mgrid[0:size, 0:size] * (255 / (size - 1))
    frames = np.stack([row, column, row], axis=-1).astype(np.uint8)[None]
    mouth = mouth_region(frames)[0]
    assert mouth.shape == (48, 48, 3)
    assert mouth[0, 24, 0] == pytest.approx(0.52 * 255, abs=5)
    assert mouth[47, 24, 0] == pytest.approx(0.88 * 255, abs=5)
    assert mouth[24, 0, 1] == pytest.approx(0.32 * 255, abs=5)


@pytest.mark.long
@pytest.mark.parametrize("size", [64, 128])
def test_all_test_actors_and_delays(dataset: Dataset, size: int) -> None:
    """40 clips of ten actors, 840 pairs."""
    from thbench_syncnet.puppet import load_puppet_net

    found = agreement(dataset, held_out(dataset, 4), load_puppet_net(), size)
    assert found["moved by exactly -n"] >= 0.95
    assert found["offset 0"] >= 0.95
    assert found["confidence, another's"] < 0.5 * found["confidence, own sound"]

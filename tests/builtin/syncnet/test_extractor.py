"""syncnet_features with random weights: reasons, options, tracked input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from random_syncnet import random_state
from syncnet_fakes import FakeContext, FakeVideo, talking
from thbench.api import ClipFailure, UserError
from thbench_syncnet.extractor import build_features
from thbench_syncnet.networks import SyncNet, load_syncnet
from thbench_syncnet.options import FeatureOptions


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> FakeContext:
    path = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    torch.save(random_state(1, {}), path)
    boxes = np.tile(np.array([4.0, 4, 130, 130, 0.9]), (14, 1))
    boxes[5] = np.nan
    return FakeContext({"face_boxes": lambda max_missing: lambda video: boxes}, {"syncnet": path})


@pytest.mark.slow
def test_features_have_the_documented_layout(context: FakeContext) -> None:
    features = build_features(FeatureOptions(), context)
    found = features(talking(8))
    assert found.shape == (2, 3, 1024)
    assert found.dtype == np.float32
    assert "whole frame, bilinear 224 px, BGR 0..255 fp32" in features.identity
    assert features(talking(5)).shape == (2, 0, 1024)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (None, "no audio track"),
        (np.zeros(6400, np.int16), "silent"),
        (np.zeros(0, np.int16), "silent"),
    ],
)
def test_nothing_to_hear_is_a_reason(
    context: FakeContext, audio: np.ndarray | None, reason: str
) -> None:
    features = build_features(FeatureOptions(), context)
    with pytest.raises(ClipFailure, match=reason):
        features(replace(talking(12), audio=audio))


@pytest.mark.slow
def test_tracked_input_cuts_picture_and_sound_to_the_track(context: FakeContext) -> None:
    video = FakeVideo(
        np.random.default_rng(0).integers(0, 256, (14, 140, 140, 3), dtype=np.uint8),
        talking(14).audio,
    )
    options = FeatureOptions(input="tracked", detector="yunet", min_track=12)
    features = build_features(options, context)
    assert features(video).shape == (2, 9, 1024)
    assert "tracked by yunet" in features.identity
    with pytest.raises(ClipFailure, match=r"1 too short \(longest 13 detections"):
        build_features(replace(options, min_track=100), context)(video)


def test_puppet_network_refuses_what_it_cannot_see(context: FakeContext) -> None:
    with pytest.raises(UserError, match="whole frames in fp32 only"):
        build_features(FeatureOptions(weights="puppet-v1", input="tracked"), context)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.model"
    torch.save({"weight": torch.zeros(2)}, other)
    with pytest.raises(UserError, match="not SyncNet's weights"):
        load_syncnet(other)


def test_a_pickled_object_is_never_executed(tmp_path: Path) -> None:
    whole = tmp_path / "whole.model"
    torch.save(SyncNet, whole)
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        load_syncnet(whole)

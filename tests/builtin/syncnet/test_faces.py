"""Face boxes for the tracker: S3FD's output rescaled and thinned, YuNet's rows made boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from syncnet_fakes import FakeVideo
from thbench_syncnet.faces import S3fd, Yunet


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from face_alignment.detection.sfd.net_s3fd import s3fd

    path = tmp_path_factory.mktemp("weights") / "s3fd.pth"
    torch.save(s3fd().state_dict(), path)
    return path


def video(frames: int = 2) -> FakeVideo:
    rng = np.random.default_rng(0)
    return FakeVideo(rng.integers(0, 256, (frames, 256, 256, 3), dtype=np.uint8), None)


def test_boxes_are_scaled_back_thinned_and_best_first(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def detect(network: object, image: np.ndarray, device: str) -> np.ndarray:
        seen.append(image.shape)
        rows = [
            [1, 2, 11, 12, 0.95],
            [2, 2, 12, 12, 0.99],
            [30, 30, 40, 40, 0.91],
            [5, 50, 9, 54, 0.5],
        ]
        return np.array([rows])

    monkeypatch.setattr("face_alignment.detection.sfd.detect.detect", detect)
    found = S3fd(weights, scale=0.25, confidence=0.9)(video())
    assert seen == [(64, 64, 3)] * 2
    assert found[0].tolist() == [[8, 8, 48, 48], [120, 120, 160, 160]]


def test_network_runs_and_random_weights_find_nobody(weights: Path) -> None:
    found = S3fd(weights, scale=0.25, confidence=0.9)(video(1))
    assert [boxes.shape for boxes in found] == [(0, 4)]


def test_yunet_rows_become_boxes_and_missing_frames_none() -> None:
    rows = np.array([[10.0, 20, 30, 40, 0.9], [np.nan] * 5])
    found = Yunet(lambda video: rows)(video())  # type: ignore[arg-type]
    assert found[0].tolist() == [[10, 20, 40, 60]]
    assert found[1].shape == (0, 4)

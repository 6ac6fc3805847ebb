"""The face-alignment backend with the library's own networks and random weights: its wiring, not its eye."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from guards import some
from thbench_crema_d.backends import backend
from thbench_face import FAN, S3FD
from thbench_face.fan import S3fdFan, corners

pytestmark = pytest.mark.slow  # their common start alone is

BOX = np.array([20.0, 16.0, 80.0, 90.0, 0.9])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Checkpoints of the published shapes under the published names."""
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN as FanNet

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("random")
    for network, item in ((s3fd(), S3FD), (FanNet(4), FAN)):
        torch.save(network.state_dict(), folder / item.file)
    return folder / S3FD.file, folder / FAN.file


@pytest.fixture(scope="module")
def network(files: tuple[Path, Path]) -> Iterator[S3fdFan]:
    """Built where nothing can be downloaded."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the library wanted to download")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.hub.download_url_to_file", refuse)
        patch.setattr("face_alignment.utils.download_url_to_file", refuse)
        patch.setattr("face_alignment.detection.sfd.sfd_detector.load_state_dict_from_url", refuse)
        patch.setenv("TORCH_HOME", "/nowhere")
        built = backend("face-alignment", *map(str, files), "cpu", 1)
        assert os.environ["TORCH_HOME"] == "/nowhere"
        assert isinstance(built, S3fdFan)
        yield built


def frame() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (120, 128, 3), dtype=np.uint8)


def test_the_registered_files_are_the_ones_that_are_loaded(
    network: S3fdFan, files: tuple[Path, Path]
) -> None:
    inner = network._network
    for module, file in some(
        zip((inner.face_detector.face_detector, inner.face_alignment_net), files, strict=True)
    ):
        stored = torch.load(file, weights_only=True)
        assert all(torch.equal(v, stored[k]) for k, v in module.state_dict().items())


def test_sizes_of_published_checkpoints_are_those_of_the_networks(files: tuple[Path, Path]) -> None:
    """The registered sizes belong to these architectures: the files differ by their headers only."""
    for file, item in some(zip(files, (S3FD, FAN), strict=True)):
        assert file.stat().st_size == pytest.approx(item.size, rel=0.01)


@pytest.mark.long  # the library compiles its peak finder at the first call
def test_landmarks_are_the_librarys_for_that_box(network: S3fdFan) -> None:
    picture = frame()
    points = network.landmarks(picture, BOX)
    left, top, right, bottom = 20.0, 16.0, 100.0, 106.0
    theirs = network._network.get_landmarks_from_image(
        picture, detected_faces=[np.array([left, top, right, bottom, 0.9])]
    )
    assert points.shape == (68, 2)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, theirs[0])
    moved = network.landmarks(picture, BOX + np.eye(5)[0] * 10)
    assert not np.array_equal(moved, points)


def test_faces_are_the_librarys_boxes_as_sides(network: S3fdFan) -> None:
    picture = frame()
    faces = network.faces(picture)
    theirs = np.array(network._network.face_detector.detect_from_image(picture.copy()))
    assert len(theirs)
    np.testing.assert_allclose([corners(f) for f in faces], theirs[:, :5], rtol=1e-6, atol=1e-4)
    assert network.faces(np.zeros((64, 64, 3), np.uint8)).shape[1] == 5

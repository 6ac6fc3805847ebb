"""YuNet's detector around a network that is known: red squares of its grid are faces. No published weights are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thbench.api import UserError
from thbench_face.detector import FaceDetector
from tiny_onnx import write_detector

POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
"""In shares of the square: the right eye, the left eye, the nose, the corners of the mouth."""
Detecting = Callable[..., FaceDetector]


@pytest.fixture(scope="module")
def detecting(tmp_path_factory: pytest.TempPathFactory) -> Detecting:
    file = write_detector(tmp_path_factory.mktemp("detector") / "yunet.onnx", POINTS)
    return lambda **options: FaceDetector(file, **{"longest_side": 320, **options})


def squares(height: int, width: int, *faces: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """[height, width, 3] RGB: black, with squares (x, y, side, red) that are bright in blue as well where red is 0."""
    picture = np.zeros((height, width, 3), np.uint8)
    for x, y, side, red in faces:
        picture[y : y + side, x : x + side] = (red, 0, 0 if red else 255)
    return picture


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_boxes_and_points_are_in_pixels_of_the_picture(detecting: Detecting, scale: int) -> None:
    """Whatever the picture's size: it is brought to 320 pixels, and what is found there brought back."""
    picture = squares(160 * scale, 320 * scale, (64 * scale, 32 * scale, 32 * scale, 255))
    (found,) = detecting().with_points(picture)
    assert found[:4] == pytest.approx(np.array([64, 32, 32, 32]) * scale, abs=1e-3)
    assert found[4] == pytest.approx(1)
    expected = (np.array([64, 32]) + 32 * POINTS) * scale
    assert found[5:].reshape(5, 2) == pytest.approx(expected, abs=1e-3)


def test_a_small_picture_is_enlarged(detecting: Detecting) -> None:
    (found,) = detecting()(squares(80, 80, (16, 24, 8, 255)))
    assert found[:4] == pytest.approx([16, 24, 8, 8], abs=1e-3)
    assert 0.8 < found[4] < 1  # its edges are blurred


def test_tall_pictures_keep_their_shape(detecting: Detecting) -> None:
    (found,) = detecting()(squares(640, 240, (64, 320, 64, 255)))
    assert found[:4] == pytest.approx([64, 320, 64, 64], abs=1e-3)


def test_colours_are_handed_over_as_the_network_learned_them(detecting: Detecting) -> None:
    """It knows BGR: taken for RGB, it would see the blue square and not the red one."""
    found = detecting()(squares(320, 320, (0, 0, 32, 0), (96, 64, 32, 255)))
    assert found[:, :2].tolist() == [[96, 64]]


def test_fainter_ones_than_asked_for_are_no_faces(detecting: Detecting) -> None:
    """The score is the root of class times object, which is 1: sqrt(64 / 255) is just above one half."""
    picture = squares(320, 320, (0, 0, 32, 255), (64, 64, 32, 64))
    assert detecting(min_score=0.6)(picture)[:, 4].tolist() == pytest.approx([1.0])
    both = detecting(min_score=0.4)(picture)
    assert sorted(both[:, 4]) == pytest.approx([np.sqrt(64 / 255), 1.0], abs=1e-3)


def test_no_face_is_an_empty_table(detecting: Detecting) -> None:
    assert detecting()(squares(320, 320)).shape == (0, 5)
    assert detecting().with_points(squares(320, 320)).shape == (0, 15)


def test_another_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match=r"yunet\.onnx.*fetch or import it again"):
        FaceDetector(tmp_path / "yunet.onnx")

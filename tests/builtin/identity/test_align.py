"""A face on the template: against scikit-image's similarity, never mirrored, black beyond the picture."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from thbench_identity.align import SIDE, TEMPLATE, aligned, placing

POINTS = np.array([[60.0, 80.0], [120.0, 70.0], [95.0, 115.0], [75.0, 150.0], [125.0, 142.0]])


def test_the_template_is_the_published_one() -> None:
    """OpenCV's modules/objdetect/src/face_recognize.cpp, `dst`."""
    assert SIDE == 112
    assert TEMPLATE.tolist() == [
        [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]  # fmt: skip


@pytest.mark.parametrize("turn", [0.0, 0.4, -2.5])
def test_the_least_squares_similarity_is_scikit_images(turn: float) -> None:
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = POINTS @ rotation.T * 1.3 + [20, -7]
    expected = SimilarityTransform.from_estimate(points, TEMPLATE).params[:2]
    assert placing(points) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_points_on_the_template_stay_and_a_mirrored_face_is_not_mirrored_back() -> None:
    assert placing(TEMPLATE) == pytest.approx(np.array([[1.0, 0, 0], [0, 1, 0]]), abs=1e-12)
    mirrored = POINTS * [-1, 1]
    found = placing(mirrored)
    assert np.linalg.det(found[:, :2]) > 0
    assert found == pytest.approx(
        SimilarityTransform.from_estimate(mirrored, TEMPLATE).params[:2], rel=1e-9, abs=1e-9
    )


def test_the_picture_is_moved_with_its_points() -> None:
    y, x = np.mgrid[:200, :200].astype(float)
    frame = np.stack([x, y, 0 * x + 77], -1).clip(0, 255).astype(np.uint8)
    found = aligned(frame, POINTS)
    assert found.shape == (SIDE, SIDE, 3) and found.dtype == np.uint8
    matrix = placing(POINTS)
    back = np.linalg.inv(matrix[:, :2])
    for px, py in ((30, 40), (56, 72), (80, 20)):
        source = back @ (np.array([px, py]) - matrix[:, 2])
        assert found[py, px, :2] == pytest.approx(source, abs=1.0)
        assert found[py, px, 2] == 77


def test_beyond_the_picture_it_is_black() -> None:
    frame = np.full((20, 20, 3), 200, np.uint8)
    found = aligned(frame, TEMPLATE)
    assert (found[:19, :19] == 200).all() and not found[25:].any() and not found[:, 25:].any()

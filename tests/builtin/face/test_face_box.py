"""Which face, which square, and what a crop is made of: on drawn boxes and pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.api import ClipFailure
from thbench_face.box import NARROWEST, WIDEST, SquareBox, crop_resize, smoothed_square_box
from thbench_face.landmarks import mouth_aperture
from thbench_face.track import filled_boxes, main_face, require_faces


def face(x: float, y: float, side: float, score: float = 0.9) -> list[float]:
    return [x, y, side, side, score]


def per_frame(*frames: list[list[float]]) -> list[np.ndarray]:
    return [np.array(f, np.float64).reshape(-1, 5) for f in frames]


def test_large_and_central_wins_over_the_whole_clip() -> None:
    speaker = [face(40 + t, 40, 20) for t in range(4)]
    corner = [face(0, 0, 24, 0.99) for _ in range(4)]  # larger and surer, but in the corner
    boxes = main_face(per_frame(*([c, s] for c, s in zip(corner, speaker, strict=True))), 100, 100)
    assert boxes.tolist() == speaker


def test_two_like_people_are_never_mixed() -> None:
    """Each is the larger one in every other frame; the detector's order changes too."""
    frames = [
        [face(10, 40, 20 + t % 2), face(60, 40, 21 - t % 2)][:: 1 if t % 3 else -1]
        for t in range(8)
    ]
    x = main_face(per_frame(*frames), 100, 100)[:, 0]
    assert len(set(x)) == 1


def test_missing_frames_are_nan_and_the_track_goes_on() -> None:
    boxes = main_face(per_frame([face(10, 10, 20)], [], [face(12, 10, 20)]), 50, 50)
    assert np.isnan(boxes[1]).all() and boxes[2, 0] == 12
    filled = filled_boxes(boxes)
    assert filled[1].tolist() == pytest.approx([11, 10, 20, 20, 0.9])
    assert np.isnan(main_face(per_frame([], []), 50, 50)).all()
    edges = filled_boxes(np.array([[np.nan] * 5, face(3, 4, 5), [np.nan] * 5]))
    assert (edges == face(3, 4, 5)).all()


def test_too_few_faces_are_a_reason() -> None:
    boxes = np.array([face(1, 1, 5)] * 7 + [[np.nan] * 5] * 3)
    require_faces(boxes, 0.3)
    with pytest.raises(ClipFailure, match="a face in only 7 of 10 frames: at least 80% needed"):
        require_faces(boxes, 0.2)
    with pytest.raises(ClipFailure, match="no face in any of 3 frames"):
        require_faces(boxes[7:], 1.0)
    with pytest.raises(ClipFailure, match="no face"):
        smoothed_square_box(boxes[7:], 100, 100)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(200, 1200),
    st.integers(200, 1200),
    st.floats(0.1, 0.45),
)
def test_square_holds_the_face_and_stays_inside_where_it_fits(
    seed: int, height: int, width: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    side = share * min(height, width)
    centre = rng.uniform([side, side], [width - side, height - side])
    trembling = centre + rng.normal(scale=0.02 * side, size=(25, 2)) - side / 2
    boxes = np.column_stack([trembling, np.full((25, 2), side), np.ones(25)])
    box = smoothed_square_box(boxes, height, width)
    assert box.side <= max(min(height, width), round(NARROWEST * side) + 1)
    if box.side <= min(height, width):
        assert 0 <= box.left <= width - box.side and 0 <= box.top <= height - box.side
    inside = (boxes[:, :2] >= [box.left, box.top]) & (
        boxes[:, :2] + side <= [box.left + box.side, box.top + box.side]
    )
    assert inside.all(axis=1).mean() > 0.9


def test_square_is_still_while_the_detector_trembles() -> None:
    rng = np.random.default_rng(0)
    steady = np.tile([300.0, 300, 100, 120, 1], (50, 1))
    shaken = steady.copy()
    shaken[:, :4] += rng.normal(scale=2, size=(50, 4))
    shaken[7] = [0, 0, 700, 700, 1]  # one frame gone wrong
    a, b = (smoothed_square_box(x, 1000, 1000) for x in (steady, shaken))
    assert a.side == round(WIDEST * 120)
    assert abs(a.left - b.left) <= 6 and abs(a.top - b.top) <= 6 and abs(a.side - b.side) <= 14
    middle = a.left + a.side / 2
    assert middle == pytest.approx(350, abs=1)
    assert a.top + a.side / 2 < 360  # above the face's middle: hair


def test_square_grows_with_the_heads_travel() -> None:
    boxes = np.tile([300.0, 300, 100, 100, 1], (40, 1))
    boxes[:, 0] += np.linspace(-60, 60, 40)
    box = smoothed_square_box(boxes, 1000, 1000)
    assert box.side == pytest.approx(WIDEST * 100 + 0.9 * 120, abs=2)
    assert box.left < boxes[:, 0].min() and box.left + box.side > boxes[:, 0].max() + 100


def test_square_shrinks_with_a_tight_picture_and_then_leaves_it() -> None:
    tight = smoothed_square_box(np.array([face(100, 100, 300)]), 512, 512)
    wanted = round(WIDEST * 300)
    assert (tight.left, tight.top, tight.side) == (100 + 150 - wanted // 2, 0, wanted)
    full = smoothed_square_box(np.array([face(100, 100, 350)]), 512, 512)
    assert full == SquareBox(0, 0, 512)
    beyond = smoothed_square_box(np.array([face(20, 20, 480)]), 512, 512)
    assert beyond.side == round(NARROWEST * 480) and beyond.left < 0


def test_crop_repeats_the_edge_beyond_the_picture() -> None:
    frame = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    crop = crop_resize(frame, SquareBox(-2, -1, 6), 6)
    expected = np.pad(frame, ((1, 1), (2, 0), (0, 0)), mode="edge")[:, :6]
    assert (crop == expected).all()
    assert (crop_resize(frame, SquareBox(1, 0, 4), 4) == frame[:, 1:5]).all()


def test_smaller_averages_areas_and_larger_interpolates() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    down = crop_resize(frame, SquareBox(0, 0, 32), 8)
    means = frame.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))
    assert np.abs(down - means).max() <= 0.5
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the target can show: it must turn grey, not alias
    grey = crop_resize(stripes, SquareBox(0, 0, 64), 24)
    assert grey[:, 1:-1].std() < 30 < crop_nearest(stripes, 24).std()
    up = crop_resize(frame[:8, :8], SquareBox(0, 0, 8), 32)
    assert up.shape == (32, 32, 3)
    assert (up == cv2.resize(frame[:8, :8], (32, 32), interpolation=cv2.INTER_CUBIC)).all()


def crop_nearest(frame: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(frame, (size, size), interpolation=cv2.INTER_NEAREST)


def test_mouth_aperture_by_hand() -> None:
    points = np.zeros((2, 68, 2), np.float32)
    points[:, 36], points[:, 45] = [10, 20], [60, 20]  # eyes 50 apart
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        points[:, upper] = [30, 50]
        points[0, lower] = [30, 50]
        points[1, lower] = [30, 60]
    assert mouth_aperture(points).tolist() == [0, 10 / 50]
    assert mouth_aperture(points * 3).tolist() == pytest.approx([0, 0.2])  # of no size
    turned = points @ np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert mouth_aperture(turned) == pytest.approx([0, 0.2], rel=1e-5)  # of no direction

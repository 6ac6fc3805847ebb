"""The reference pipeline's face tracks and crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from random_syncnet import planted_faces, planted_frames
from thbench.api import ClipFailure
from thbench_syncnet.options import FeatureOptions
from thbench_syncnet.tracking import Cropped, choose, follow, overlap


def face(x: float, y: float, size: float) -> NDArray[np.float64]:
    return np.array([x, y, x + size, y + size])


def one_face(frames: int, size: float = 120) -> list[NDArray[np.float64]]:
    return [face(40 + 0.5 * t, 30, size)[None] for t in range(frames)]


def test_overlap_of_known_boxes() -> None:
    assert overlap(face(0, 0, 10), face(0, 0, 10)) == 1
    assert overlap(face(0, 0, 10), face(20, 0, 10)) == 0
    assert overlap(face(0, 0, 10), face(5, 0, 10)) == pytest.approx(50 / 150)


def test_24_missed_frames_are_bridged_and_25_end_the_track() -> None:
    still = [face(40, 30, 120)[None]] * 80
    none = np.empty((0, 4))
    for gap, lengths in [(24, [80]), (25, [20, 35])]:
        faces = [none if 20 <= t < 20 + gap else box for t, box in enumerate(still)]
        found = follow(faces, iou=0.5, num_failed_det=25)
        assert [len(track.boxes) for track in found] == lengths
    assert found[1].first == 45


def test_gaps_are_filled_linearly_and_not_counted_as_seen() -> None:
    faces = one_face(11)
    faces[5] = np.empty((0, 4))
    (track,) = follow(faces, iou=0.5, num_failed_det=25)
    assert track.seen == 10
    np.testing.assert_allclose(track.boxes[5], face(42.5, 30, 120))


def test_two_people_are_two_tracks_whatever_their_order() -> None:
    left, right = face(0, 0, 100), face(300, 0, 110)
    faces = [np.stack([left, right] if t % 2 else [right, left]) for t in range(30)]
    found = follow(faces, iou=0.5, num_failed_det=25)
    assert [track.seen for track in found] == [30, 30]
    assert {track.boxes[0, 0] for track in found} == {0, 300}


def test_chosen_track_is_the_longest_and_rejects_are_counted_with_reasons() -> None:
    options = FeatureOptions(input="tracked")
    assert choose(follow(one_face(101), 0.5, 25), options).seen == 101
    with pytest.raises(
        ClipFailure, match=r"1 too short \(longest 100 detections, needs more than 100"
    ):
        choose(follow(one_face(100), 0.5, 25), options)
    with pytest.raises(ClipFailure, match=r"1 too small \(largest 90 px, needs more than 100"):
        choose(follow(one_face(120, size=90), 0.5, 25), options)
    with pytest.raises(ClipFailure, match="no face found"):
        choose([], options)
    relaxed = FeatureOptions(input="tracked", min_track=30, min_face_size=50)
    assert choose(follow(one_face(60, size=90), 0.5, 25), relaxed).seen == 60


def test_crop_is_centred_with_a_longer_chin_side() -> None:
    """A face of 100 px at (150, 110): rows 60..200, columns 80..220 of the frame, 140 px to 224."""
    frames = np.zeros((13, 300, 300, 3), np.uint8)
    frames[:, 60:200, 80:220] = 200
    (track,) = follow([face(100, 60, 100)[None]] * 13, 0.5, 25)
    cut = Cropped(frames, track, 0.40)[:]
    assert cut.shape == (13, 224, 224, 3)
    assert (cut == 200).all()


def test_outside_of_the_frame_is_grey() -> None:
    frames = np.full((13, 100, 100, 3), 7, np.uint8)
    (track,) = follow([face(-10, 0, 60)[None]] * 13, 0.5, 25)
    cut = Cropped(frames, track, 0.40)[:]
    assert (cut[6, :, 0] == 110).all()
    assert (cut[6, :, -1] == 7).all()


def test_a_span_is_cut_from_its_own_frames_alone() -> None:
    """Of ten minutes all crops together would be 2 GB."""

    class Asked:
        def __init__(self) -> None:
            self.frames: list[int] = []

        def __getitem__(self, t: int) -> NDArray[np.uint8]:
            self.frames.append(t)
            return np.full((300, 300, 3), t, np.uint8)

    asked = Asked()
    faces = [np.empty((0, 4))] * 2 + [face(100, 60, 100)[None]] * 13
    (track,) = follow(faces, 0.5, 25)
    cropped = Cropped(asked, track, 0.40)  # type: ignore[arg-type]
    assert len(cropped) == 13 and asked.frames == []
    assert cropped[3:5].shape == (2, 224, 224, 3)
    assert asked.frames == [5, 6]
    assert cropped[11:20].mean(axis=(1, 2, 3)).tolist() == [13, 14]


def test_tracks_and_crops_equal_the_reference_pipelines() -> None:
    """reference_tracking.npz holds what its own functions gave (make_reference.py has the command)."""
    with np.load(Path(__file__).with_name("reference_tracking.npz"), allow_pickle=False) as stored:
        reference = dict(stored)
    tracks = follow(planted_faces(), iou=0.5, num_failed_det=25)
    tracks = [track for track in tracks if track.seen > 30 and track.size > 20]
    assert [track.first for track in tracks] == reference["firsts"].tolist()
    assert [len(track.boxes) for track in tracks] == reference["lengths"].tolist()
    boxes = np.concatenate([track.boxes for track in tracks])
    np.testing.assert_allclose(boxes, reference["boxes"], rtol=0, atol=1e-9)
    cut = Cropped(planted_frames(), tracks[0], 0.40)[:]
    means = cut.reshape(len(cut), 8, 28, 8, 28, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(means, reference["crops"], rtol=0, atol=0.5)

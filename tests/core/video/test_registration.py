"""Shift, scale, stretch and turn of one picture against another, as they were made."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from thbench.api import Frames
from thbench.geometry import Square
from thbench.video import MediaReader, registration
from thbench.video.registration import Alignment, align
from thbench_puppet.dataset import make

# What is done to the picture: share of the side to the right and down, scale, stretch, degrees.
CHANGES = [
    (0.0, 0.0, 1.0, 1.0, 0.0),
    (0.1, -0.06, 1.0, 1.0, 0.0),
    (-0.25, 0.0, 1.0, 1.0, 0.0),
    (0.0, 0.0, 1.25, 1.0, 0.0),
    (0.0, 0.0, 0.8, 1.0, 0.0),
    (0.0, 0.0, 1.0, 0.75, 0.0),
    (0.0, 0.0, 1.0, 1.0, 12.0),
]


def changed(
    frame: Frames, right: float, down: float, scale: float, stretch: float, turn: float
) -> Frames:
    """A picture in which the content lies elsewhere, blurred and compressed as a generator's."""
    size = frame.shape[0]
    angle, middle = np.radians(turn), (size - 1) / 2
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    m = rotation @ np.diag([scale * np.sqrt(stretch), scale / np.sqrt(stretch)])
    shift = middle - m @ [middle, middle] + size * np.array([right, down])
    moved = cv2.warpAffine(
        frame, np.column_stack([m, shift]), (size, size), borderMode=cv2.BORDER_REPLICATE
    )
    blurred = cv2.GaussianBlur(moved, (0, 0), size / 200)
    data = cv2.imencode(".jpg", blurred, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def assert_found(found: Alignment | None, made: tuple[float, ...], shift: float = 0.01) -> None:
    assert found is not None
    right, down, scale, stretch, turn = made
    assert abs(found.right - right) < shift and abs(found.down - down) < shift
    assert abs(found.scale / scale - 1) < 0.03 and abs(found.stretch / stretch - 1) < 0.05
    assert abs(found.turn - turn) < 2


@pytest.mark.parametrize("made", CHANGES)
@pytest.mark.parametrize("size", [64, 128])
def test_what_was_done_to_a_puppet_is_found(made: tuple[float, ...], size: int) -> None:
    frame = make("1019_MTI_FEA_XX", size).frames[0]
    assert_found(align(changed(frame, *made), frame), made)


def test_a_moving_head_moves_nothing() -> None:
    frames = make("1043_IOM_FEA_XX", 128).frames
    for late in (len(frames) // 3, len(frames) - 1):
        assert_found(align(frames[late], frames[0]), (0, 0, 1, 1, 0), shift=0.06)


def test_nothing_in_common_is_no_alignment() -> None:
    frame = make("1019_MTI_FEA_XX", 128).frames[0]
    noise = np.random.default_rng(0).integers(0, 256, frame.shape).astype(np.uint8)
    assert align(noise, frame) is None
    assert align(np.full_like(frame, 90), frame) is None


REAL = [
    ("speaker_a_512px_25fps_mpeg4.mp4", Square(0, 0, 512, 512, 512)),
    ("speaker_b_512px_30fps_h264.mp4", Square(0, 0, 512, 512, 512)),
    ("speaker_c_1080x1920_25fps_hevc.mp4", Square(367, 509, 449, 1080, 1920)),
    ("speaker_d_512px_h264.mp4", Square(0, 0, 480, 480, 480)),
    ("grid/bbaf2n.mpg", Square(30, 42, 245, 360, 288)),
    ("grid/lbax4n.mpg", Square(46, 4, 284, 360, 288)),
    ("crema_d/1001_DFA_ANG_XX.flv", Square(103, 14, 227, 480, 360)),
    ("generated/sadtalker_256px_8s.mp4", Square(0, 0, 256, 256, 256)),
    ("generated/anitalker_256px_11s.mp4", Square(0, 0, 256, 256, 256)),
]


@pytest.mark.parametrize(("file", "square"), REAL, ids=[f for f, _ in REAL])
def test_what_was_done_to_real_people_is_found(
    file: str, square: Square, assets: Callable[[str], Path]
) -> None:
    full = next(MediaReader().frames(assets(f"clips/{file}")))
    frame = square.cut(full, 256)
    for made in CHANGES:
        assert_found(align(changed(frame, *made), frame), made)


@pytest.mark.parametrize(("file", "square"), REAL, ids=[f for f, _ in REAL])
def test_real_people_stay_within_the_tolerance_of_a_first_picture(
    file: str, square: Square, assets: Callable[[str], Path]
) -> None:
    """A second later, blurred and compressed: heads have moved, the framing has not."""
    from thbench.generate.registration import FIRST, words

    frames = [*islice(MediaReader().frames(assets(f"clips/{file}")), 26)]
    first, later = (square.cut(frames[i], 256) for i in (0, 25))
    found = align(changed(later, *CHANGES[0]), first)
    assert found is not None and words(vars(found), FIRST) == []


@pytest.mark.parametrize(("second", "found"), [(4.0, True), (1.1, False)])
def test_a_point_that_looks_like_two_is_no_match(
    second: float, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest descriptor lies 1 away, the second 4, or hardly further than the nearest."""
    rng = np.random.default_rng(1)
    places = rng.uniform(0, registration.SIDE, (40, 2)).astype(np.float32)
    wanted = rng.uniform(0, 255, (40, 128)).astype(np.float32)
    step = np.zeros(128, np.float32)
    step[0] = 1
    seen = (
        np.concatenate([places, places + 9]),
        np.concatenate([wanted + step, wanted + second * step]),
    )
    answers = iter([seen, (places, wanted)])
    monkeypatch.setattr(registration, "_points", lambda picture: next(answers))
    frame = np.zeros((8, 8, 3), np.uint8)
    aligned = align(frame, frame)
    assert (aligned is not None) is found
    assert aligned is None or (aligned.matches, aligned.share) == (40, 1.0)

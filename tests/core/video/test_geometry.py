"""Squares of pictures: where they lie at another size, what is cut, and what is decided."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.api import ClipFailure, Frames, Square, placed, whole
from thbench.geometry import _fractional, black_bars, likeness


def picture(height: int = 90, width: int = 120, seed: int = 0) -> Frames:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)


def test_a_square_of_whole_pixels_is_cut_out_of_the_picture() -> None:
    frame = picture()
    assert (Square(17, 9, 48, 120, 90).cut(frame, 48) == frame[9:57, 17:65]).all()
    beyond = Square(-3, 60, 40, 120, 90).cut(frame, 40)
    padded = np.pad(frame, [(0, 10), (3, 0), (0, 0)], mode="edge")
    assert (beyond == padded[60:100, :40]).all()
    with pytest.raises(ValueError, match="not 100 x 90"):
        Square(0, 0, 40, 100, 90).cut(frame, 40)


@pytest.mark.parametrize("size", [16, 24, 40, 48, 64, 128])
def test_squares_between_pixels_follow_the_same_rule(size: int) -> None:
    """The path for fractions gives what OpenCV gives for whole numbers; its fixed point rounds otherwise."""
    frame = picture()
    for square in (Square(17, 9, 48, 120, 90), Square(-5, 30, 70, 120, 90)):
        exact = square.cut(frame, size).astype(int)
        assert np.abs(exact - _fractional(frame, square, size)).max() <= 3
        assert np.abs(exact - _fractional(frame, square, size)).mean() < 0.2


def test_half_a_pixel_is_half_a_pixel() -> None:
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None] * 4, 40, axis=0).repeat(3, axis=2)
    at = Square(4.5, 4, 16, 40, 40).cut(ramp, 16)
    assert np.abs(at[0, :, 0].astype(float) - (np.arange(16) + 4.5) * 4).max() <= 1
    down = Square(4.5, 4, 16, 40, 40).cut(ramp, 8)
    assert np.abs(down[0, :, 0].astype(float) - (2 * np.arange(8) + 5) * 4).max() <= 1


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 40), st.integers(8, 50))
def test_scaled_squares_keep_their_place(factor: int, left: int, top: int, side: int) -> None:
    square = Square(left, top, side, 120, 90)
    scaled = square.scaled(120 * factor, 90 * factor)
    assert scaled == Square(left * factor, top * factor, side * factor, 120 * factor, 90 * factor)


def test_a_size_that_an_encoder_rounded_is_the_same_framing() -> None:
    square = Square(100, 40, 200, 1080, 1920)
    half = square.scaled(540, 960)
    assert half == Square(50, 20, 100, 540, 960)
    rounded = square.scaled(406, 720)  # 405 x 720 is odd
    assert rounded is not None and abs(rounded.left - 37.5) < 0.2
    assert square.scaled(720, 1280) is not None and square.scaled(1080, 1080) is None
    assert square.scaled(1920, 1080) is None


def test_a_dataset_that_keeps_its_square_at_one_size_is_followed() -> None:
    frame = picture(120, 160)
    kept = Square(20, 10, 90, 160, 120, via=64)
    master = Square(20, 10, 90, 160, 120).cut(frame, 64)
    assert (kept.cut(frame, 64) == master).all()
    small = cv2.resize(master, (32, 32), interpolation=cv2.INTER_AREA)
    assert (kept.cut(frame, 32) == small).all()


# -- what is decided ----------------------------------------------------------------------------


FRAME = Square(20, 10, 60, 120, 90)


def test_the_recordings_framing_is_cut_and_a_square_is_taken_as_it_is() -> None:
    full = picture()
    identity = FRAME.cut(full, 64)
    whole_frame = placed(full, identity, FRAME, "as-reference")
    assert (whole_frame.how, whole_frame.square) == ("as its reference", FRAME)
    square = placed(identity, identity, FRAME, "as-reference")
    assert (square.how, square.square) == ("as it is", whole(64, 64))
    forced = placed(identity, identity, FRAME, "none")
    assert (forced.how, forced.why) == ("as it is", "crop: none")
    assert placed(identity, identity, None, "as-reference").how == "as it is"


def test_a_square_recording_and_its_crop_are_told_apart_by_the_picture() -> None:
    """Both are square: only the identity frame says which one was delivered."""
    full = picture(100, 100)
    frame = Square(30, 20, 50, 100, 100)
    identity = frame.cut(full, 64)
    for size in (64, 100, 256):
        delivered = whole(100, 100).cut(full, size)
        found = placed(delivered, identity, frame, "as-reference")
        assert (found.how, found.square) == ("as its reference", frame.scaled(size, size))
        crop = placed(whole(50, 50).cut(frame.cut(full, 50), size), identity, frame, "as-reference")
        assert (crop.how, crop.square) == ("as it is", whole(size, size))
        likest = dict(crop.likeness)
        assert likest["as it is"] > 0.9 > likest["as its reference"]


def test_pictures_that_are_like_nothing_are_judged_by_their_size() -> None:
    """What an untrained generator delivered is the square it was asked for, not the recording."""
    frame = Square(30, 20, 50, 100, 100)
    identity = frame.cut(picture(100, 100), 64)
    for size, how in ((64, "as it is"), (100, "as its reference")):
        found = placed(picture(size, size, seed=5), identity, frame, "as-reference")
        assert found.how == how and "unlike the identity frame" in found.why
        assert max(abs(value) for _, value in found.likeness) < 0.9


def test_what_is_neither_is_refused_with_a_remedy() -> None:
    full = picture()
    identity = FRAME.cut(full, 64)
    with pytest.raises(ClipFailure, match=r"90 x 120 px is not square and not framed as its rec"):
        placed(np.ascontiguousarray(full.transpose(1, 0, 2)), identity, FRAME, "as-reference")
    with pytest.raises(ClipFailure, match="not square: set crop: as-reference"):
        placed(full, identity, FRAME, "none")
    with pytest.raises(ClipFailure, match="is not square and the reference is: crop the video"):
        placed(full, identity, whole(90, 90), "as-reference")
    boxed = np.pad(full, [(20, 20), (0, 0), (0, 0)])
    with pytest.raises(ClipFailure, match=r"letterboxed.*20 px above, 20 px below.*cut the bars"):
        placed(boxed, identity, FRAME, "as-reference")


def test_bars_are_black_and_flat() -> None:
    full = np.maximum(picture(), 60)
    assert black_bars(full) == (0, 0, 0, 0)
    assert black_bars(np.pad(full, [(3, 5), (7, 0), (0, 0)])) == (3, 5, 7, 0)
    assert black_bars(np.zeros_like(full)) == (0, 0, 0, 0)  # a dark picture has none


def test_likeness_of_flat_pictures_is_nothing() -> None:
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert likeness(flat, picture(40, 40)) == 0.0
    assert likeness(picture(40, 40), picture(40, 40)) == pytest.approx(1)

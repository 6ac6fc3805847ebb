"""Offset, confidence and distance from features with planted lags; the sign."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thbench.api import ClipFailure
from thbench_syncnet.distance import Edge, distances, synchrony, window_count

BOTH: list[Edge] = ["pad", "valid"]


def planted(
    delay: int, windows: int = 60, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lip and audio features of the same events, the audio `delay` frames late (new noise where it ends)."""
    rng = np.random.default_rng(seed)
    events = rng.normal(0, 1, (windows + 60, 16))
    lip = events[30 : 30 + windows]
    sound = events[30 - delay : 30 - delay + windows] + rng.normal(0, 0.1, (windows, 16))
    return lip, sound


@pytest.mark.parametrize("edge", BOTH)
@pytest.mark.parametrize("delay", range(-15, 16))
def test_audio_delayed_by_n_frames_gives_minus_n(delay: int, edge: Edge) -> None:
    assert synchrony(*planted(delay), edge=edge).offset == -delay


@settings(max_examples=40, deadline=None)
@given(st.integers(-10, 10), st.integers(30, 60), st.sampled_from(BOTH), st.integers(0, 10_000))
def test_sign_holds_for_clips_of_thirty_to_sixty_frames(
    delay: int, frames: int, edge: Edge, seed: int
) -> None:
    windows = window_count(frames, frames * 640)
    found = synchrony(*planted(delay, windows, seed), edge=edge)
    assert found.offset == -delay
    assert found.confidence > 0
    assert np.isfinite(found.means).all()


def test_confidence_falls_when_the_audio_has_nothing_to_do_with_the_lips() -> None:
    lip, sound = planted(0)
    other = np.random.default_rng(9).normal(0, 1, sound.shape)
    assert synchrony(lip, other).confidence < 0.5 * synchrony(lip, sound).confidence
    assert synchrony(lip, other).distance > synchrony(lip, sound).distance


def test_definitions_on_numbers_checked_by_hand() -> None:
    """One-dimensional features 0, 3, 5 and 1, 2, 4; vshift 1; every difference gains 1e-6."""
    lip, sound = np.array([[0.0], [3.0], [5.0]]), np.array([[1.0], [2.0], [4.0]])
    padded = distances(lip, sound, vshift=1, edge="pad")
    np.testing.assert_allclose(padded, [[0, 2, 3], [1, 1, 1], [2, 1, 5]], atol=2e-6)
    valid = distances(lip, sound, vshift=1, edge="valid")
    np.testing.assert_allclose(valid, [[np.nan, 2, 3], [1, 1, 1], [2, 1, np.nan]], atol=2e-6)
    found = synchrony(lip, sound, vshift=1, min_windows=1)
    np.testing.assert_allclose(found.means, [5 / 3, 1, 8 / 3], atol=2e-6)
    assert found.offset == 0
    assert found.distance == pytest.approx(1, abs=2e-6)
    assert found.confidence == pytest.approx(2 / 3, abs=4e-6)
    np.testing.assert_allclose(found.per_window, [2 / 3] * 3, atol=4e-6)


def test_zero_padding_is_a_distance_to_nothing() -> None:
    lip, sound = planted(0, windows=20)
    each = distances(lip, sound, vshift=15, edge="pad")
    np.testing.assert_allclose(each[0, :15], np.linalg.norm(lip[:15] + 1e-6, axis=1))


@pytest.mark.parametrize(
    ("edge", "windows", "needs"), [("pad", 9, "needs 15"), ("valid", 24, "needs 30")]
)
def test_too_short_is_a_reason_not_a_number(edge: Edge, windows: int, needs: str) -> None:
    lip, sound = planted(0, windows)
    with pytest.raises(ClipFailure, match=f"too short: {windows + 5} frames with sound, {needs}"):
        synchrony(lip, sound, edge=edge)
    assert synchrony(*planted(0, windows + 1), edge=edge).offset == 0


@pytest.mark.parametrize(
    ("frames", "samples", "windows"),
    [(60, 60 * 640, 55), (60, 30 * 640 + 639, 25), (30, 60 * 640, 25), (4, 9999, 0), (9, 0, 0)],
)
def test_window_count_follows_the_shorter_of_picture_and_sound(
    frames: int, samples: int, windows: int
) -> None:
    assert window_count(frames, samples) == windows

"""Each change of the face changes what it says, exactly, and leaves everything else as it was."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.api import Source
from thbench_puppet.changes import CHANGES, changed
from thbench_puppet.dataset import make

CLIP = "1017_IOM_FEA_XX"
MOUTH, REST = slice(48, 68), slice(17, 48)


@pytest.fixture(scope="module")
def clean() -> Source:
    return make(CLIP, 64)


def landmarks(source: Source) -> np.ndarray:
    return source.annotations["landmarks"].astype(float)


def upright(points: np.ndarray) -> np.ndarray:
    """Points minus the place of the eyes: what the head does not move."""
    return points - points[:, 36:48].mean(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", CHANGES)
def test_pure_off_at_zero_and_silent(clean: Source, kind: str) -> None:
    before = clean.frames.tobytes()
    one, two = changed(clean, kind, 1, CLIP), changed(clean, kind, 1, CLIP)
    assert np.array_equal(one.frames, two.frames) and not np.array_equal(one.frames, clean.frames)
    assert one.frames.shape == clean.frames.shape and one.frames.dtype == np.uint8
    assert np.array_equal(one.audio, clean.audio)
    assert changed(clean, kind, 0, CLIP) is clean and clean.frames.tobytes() == before
    assert one.annotations.keys() == clean.annotations.keys()


def test_a_still_mouth_moves_with_the_head_only(clean: Source) -> None:
    still = changed(clean, "mouth", 1, CLIP)
    np.testing.assert_array_equal(landmarks(still)[:, REST], landmarks(clean)[:, REST])
    assert (
        np.ptp(still.annotations["mouth_aperture"])
        < 0.01
        < np.ptp(clean.annotations["mouth_aperture"])
    )
    for name in ("head_pose", "blink"):
        np.testing.assert_array_equal(still.annotations[name], clean.annotations[name])
    half = np.ptp(changed(clean, "mouth", 0.5, CLIP).annotations["mouth_aperture"])
    assert half == pytest.approx(np.ptp(clean.annotations["mouth_aperture"]) / 2, rel=0.1)


def test_a_still_head_speaks_and_blinks(clean: Source) -> None:
    still = changed(clean, "head", 1, CLIP)
    assert np.ptp(still.annotations["head_pose"], axis=0).max() == 0
    assert np.ptp(landmarks(still)[:, 27:36], axis=0).max() == 0  # the nose
    np.testing.assert_array_equal(still.annotations["blink"], clean.annotations["blink"])
    np.testing.assert_allclose(
        still.annotations["mouth_aperture"], clean.annotations["mouth_aperture"], atol=0.02
    )


def test_without_blinks_only_eyes_and_brows_change(clean: Source) -> None:
    awake = changed(clean, "blinks", 1, CLIP)
    assert clean.annotations["blink"].max() > 0.9 and not awake.annotations["blink"].any()
    np.testing.assert_array_equal(landmarks(awake)[:, MOUTH], landmarks(clean)[:, MOUTH])
    np.testing.assert_array_equal(awake.annotations["head_pose"], clean.annotations["head_pose"])


def test_another_actor_makes_the_same_movements(clean: Source) -> None:
    other = changed(clean, "identity", 2, CLIP)
    for name in ("head_pose", "blink", "viseme"):
        np.testing.assert_array_equal(other.annotations[name], clean.annotations[name])
    assert np.abs(upright(landmarks(other)) - upright(landmarks(clean))).mean() > 0.3


def test_shift_scale_and_roll_move_pictures_and_points_together(clean: Source) -> None:
    """What was painted at a point is painted where the point went."""
    size = 64
    marked = np.zeros_like(clean.frames)
    spots = np.round(landmarks(clean)[:, [30, 36, 45]]).astype(int)
    for t, three in enumerate(spots):
        marked[t, three[:, 1], three[:, 0]] = 255
    points = np.where(np.isin(np.arange(68), [30, 36, 45])[:, None], np.round(landmarks(clean)), 10)
    drawn = Source(
        marked, clean.audio, {**clean.annotations, "landmarks": points.astype(np.float32)}
    )
    for kind, amount in (("shift", 6.0), ("scale", 0.1), ("roll", 8.0)):
        moved = changed(drawn, kind, amount, CLIP)
        for t in (0, len(spots) // 2):
            for x, y in landmarks(moved)[t, [30, 36, 45]]:
                column, row = round(x), round(y)
                assert 0 < column < size - 1 and 0 < row < size - 1
                assert moved.frames[t, row - 1 : row + 2, column - 1 : column + 2].max() > 100, (
                    kind,
                    t,
                )
    np.testing.assert_allclose(
        landmarks(changed(clean, "shift", 6, CLIP)), landmarks(clean) + 3, atol=1e-4
    )
    turned = changed(clean, "roll", 8, CLIP)
    np.testing.assert_allclose(
        turned.annotations["head_pose"][:, 2], clean.annotations["head_pose"][:, 2] + 8, rtol=1e-5
    )
    np.testing.assert_allclose(
        changed(clean, "scale", 0.1, CLIP).annotations["mouth_aperture"],
        clean.annotations["mouth_aperture"],
        atol=1e-5,
    )
